"""Counts the tokens of prompts by the model's own file: `python -m tests.e2e.prompt_tokens MODEL`.

Reads conversations (JSON, a list of lists of texts, the user's and the assistant's in turn) from
standard input and prints the number of tokens of each one's prompt. In a process of its own: native
code stays out of the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def prompt_tokens(model: Path, *conversations: Sequence[str]) -> list[int]:
    """The number of tokens of each conversation, from its first text to the beginning of the next
    reply.
    """
    counted = subprocess.run(
        [sys.executable, "-m", __name__, str(model)],
        input=json.dumps(conversations),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    counts: list[int] = json.loads(counted.stdout)
    return counts


def _count(model: str, conversations: Sequence[Sequence[str]]) -> list[int]:
    import llama_cpp.llama_cpp as llama

    from modechat.engine.worker.tokens import Vocabulary
    from modechat.prompting.template import render

    params = llama.llama_model_default_params()
    params.vocab_only = True
    loaded = llama.llama_model_load_from_file(model.encode(), params)
    assert loaded is not None
    template = llama.llama_model_chat_template(loaded, None)
    handle = llama.llama_model_get_vocab(loaded)
    assert template is not None
    assert handle is not None
    vocabulary = Vocabulary(handle)
    counts = []
    for texts in conversations:
        messages = [
            {"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(texts)
        ]
        special = vocabulary.bos_and_eos
        prompt = render(
            template.decode(), messages, special.bos, special.eos, add_generation_prompt=True
        )
        counts.append(len(vocabulary.tokenize_prompt([prompt])))
    return counts


if __name__ == "__main__":
    print(json.dumps(_count(sys.argv[1], json.load(sys.stdin))))
