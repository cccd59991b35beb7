"""What a prompt costs: making it (rendering in the sandbox process, tokenising) against evaluating
it, and the guard.

A chat of 40 messages of about 100 tokens each, on the CPU. Set MODECHAT_VOCABS to a folder with
llama.cpp's `ggml-vocab-*.gguf` to measure the guard with a vocabulary of 256 special tokens too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from modechat.domain.conversation import Message, Role
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt
from modechat.engine.sandbox.client import TemplateSandbox
from modechat.engine.worker.prompts import Prompts
from modechat.models.starter import starter_model
from modechat.prompting.guard import Guard, is_control_text
from modechat.prompting.prompt import message_fields
from modechat.prompting.resolve import ModelFacts
from tests.benchmarks.pairs import median_seconds
from tests.engine.driver import formats, running_engine
from tests.engine.vocabularies import load_vocabulary

TARGET_MAKING = 0.03  # of evaluating the prompt
TARGET_GUARD = 0.05  # of making the prompt
MESSAGES = 41
ONE_TOKEN = Sampling(temperature=0, max_tokens=1)
LLAMA_3 = (
    "{% for m in messages %}{{ '<|start_header_id|>' + m.role + '<|end_header_id|>\n\n' + m.content + '<|eot_id|>' }}"
    "{% endfor %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
)
PROSE = (
    "The keeper of the lighthouse wrote down the weather every morning, and every evening he added what the sea had "
    "brought: a plank, a bottle, once a violin without strings. When the relief boat came in April, its captain read "
    "the book from the first page to the last, twice, and asked for nothing else. Then he gave the keeper a letter; it "
    "was four years old. The answer took all of the night."
)
CODE = (
    "```cpp\ntemplate <typename T> std::vector<std::pair<T, int>> zip(const T a[], std::map<int, T> &m) {\n"
    "  for (int i = 0; i < n[0]; i++) { if (a[i] < m[i] && x[i] <= y[i]) out << a[i] << m[i] << '\\n'; }\n}\n```\n"
    "<ul><li><a href='#'>[1]</a></li></ul> </s> xs |> f <| g [0] "
)


def conversation(text: str) -> ChatPrompt:
    """40 messages of user and assistant in turn, and the user's newest."""
    roles = (Role.USER, Role.ASSISTANT)
    messages = tuple(Message(roles[number % 2], f"{text} {number}") for number in range(MESSAGES))
    return ChatPrompt(messages=messages)


def median_of(work: Callable[[], object], times: int) -> float:
    work()  # fills the caches
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def report(ratio: float, target: float, what: str) -> bool:
    print(
        f"  {what}: {ratio:.2%} (target: at most {target:.0%}): {'as promised' if ratio <= target else 'MISSED'}"
    )
    return ratio <= target


def measure_making(
    path: Path, template: str, text: str, name: str, times: int
) -> tuple[float, bool]:
    """Seconds of making the prompt, and whether the guard's share is within its target."""
    vocabulary = load_vocabulary(path).vocabulary
    request = conversation(text)
    with closing(TemplateSandbox()) as sandbox:
        special = vocabulary.special_tokens
        facts = ModelFacts(
            (path.stem,),
            template,
            vocabulary.bos_and_eos,
            frozenset(token.text for token in special),
        )
        prompts = Prompts(vocabulary, facts, formats(), sandbox)
        making = median_of(lambda: prompts.make(request), times)
        tokens = len(prompts.make(request).tokens)
    control = {
        t.text
        for t in special
        if is_control_text(t.text, user_defined=t.user_defined, template=template)
    }
    fields = [message_fields(message) for message in request.messages]

    def seconds_of_the_guard() -> float:
        """Of all that it does for this prompt when it sees every text for the first time."""
        guard = Guard(control)
        started = time.perf_counter()
        for message in fields:
            guard.neutralise_message(message)
            guard.may_join(message["content"])
            guard.found(message["content"])
        return time.perf_counter() - started

    guarding = statistics.median(seconds_of_the_guard() for _ in range(10 * times))  # it is short
    print(f"{path.stem}, {name}, {tokens:,} tokens, {len(control)} control texts:")
    print(f"  making the prompt {making * 1e3:.2f} ms, of it the guard {guarding * 1e3:.3f} ms")
    return making, report(guarding / making, TARGET_GUARD, "guard / making")


async def seconds_to_evaluate(path: Path, text: str, times: int) -> float:
    """The real engine's seconds to the first token; making the prompt is a part of them."""
    seconds, tokens = [], 0
    async with running_engine(path, n_ctx=8192) as driver:
        for number in range(times):
            # No two conversations begin in the same way: nothing of them is in the KV cache.
            answer = await driver.generate(conversation(f"{number} {text}"), ONE_TOKEN)
            seconds.append(answer.finished.stats.seconds_to_first_token)
            tokens = answer.finished.stats.prompt_tokens
    return median_seconds(f"evaluating {tokens:,} tokens on the CPU", seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    parser.add_argument("--times", type=int, default=31, help="of making a prompt")
    parser.add_argument(
        "--evaluations", type=int, default=1, help="of a whole prompt: each may take a minute"
    )
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    template = load_vocabulary(arguments.model).template
    making, *kept = measure_making(arguments.model, template, PROSE, "prose", arguments.times)
    kept += [measure_making(arguments.model, template, CODE, "code", arguments.times)[1]]
    if folder := os.environ.get("MODECHAT_VOCABS"):
        llama_3 = Path(folder) / "ggml-vocab-llama-bpe.gguf"
        kept += [measure_making(llama_3, LLAMA_3, text, name, arguments.times)[1]
                 for text, name in ((PROSE, "prose"), (CODE, "code"))]  # fmt: skip
    evaluating = asyncio.run(seconds_to_evaluate(arguments.model, PROSE, arguments.evaluations))
    kept += [report(making / evaluating, TARGET_MAKING, "making / evaluating")]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
