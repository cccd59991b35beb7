"""The worker's own Python for each token, at different lengths of the reply.

A tiny random model costs almost nothing to decode. What the worker's process computes for a reply,
less what it computes for llama.cpp's own loop over as many tokens, is modechat's share. Processor
time: busy machines do not matter. Such a model writes many tokens between two deltas, a real one
few: so each token is charged with a whole delta, and with looking for guesses.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil

from modechat.domain.conversation import Message, Role
from modechat.engine.bench.connection import TimedConnection
from modechat.engine.bench.texts import STORY, prose
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, Delta, Load
from modechat.engine.worker.pipe import Pipe
from modechat.engine.worker.writing.speculation import CostCurve, Guesser, GuessPolicy
from tests.cpu_extras import cpu_extras
from tests.engine.driver import formats
from tests.tiny_models import write_endless

TARGET = 150.0  # µs
LENGTHS = (100, 1000, 4000)
TOKENS_EACH_TIME = 8000


def story(number: int) -> ChatPrompt:
    return ChatPrompt(messages=(Message(Role.USER, f"{number}: {STORY}"),))


async def microseconds_a_token(
    connection: TimedConnection, worker: psutil.Process, length: int
) -> float:
    """The median over several replies of this length."""

    async def computed(work: Callable[[], Awaitable[object]]) -> float:
        before = worker.cpu_times()
        await work()
        after = worker.cpu_times()
        return after.user + after.system - before.user - before.system

    # What a request costs besides its tokens does not count, and the clock ticks 100 times a
    # second: many at once.
    times = max(1, TOKENS_EACH_TIME // length)

    async def replies(n_tokens: int) -> None:
        for number in range(times):
            reply = await connection.generate(story(number), n_tokens, speculate=False)
            assert reply.completion_tokens == n_tokens, reply.stop_reason

    async def raw(n_tokens: int) -> None:
        for number in range(times):
            await connection.measure_raw(story(number), n_tokens)

    measured = []
    for _ in range(5):
        ours = await computed(lambda: replies(length)) - await computed(lambda: replies(2))
        theirs = await computed(lambda: raw(length)) - await computed(lambda: raw(2))
        measured.append((ours - theirs) / times / (length - 2) * 1e6)
    return statistics.median(measured)


def microseconds_of_guessing(length: int) -> float:
    """What looking for guesses adds to each token of a text without long repetitions."""
    tokens = [hash(word) % 50_000 for word in prose(1, 500 + length).split()]
    guesser = Guesser(GuessPolicy(CostCurve(0.7)), tokens[:500])
    started = time.process_time()
    for token in tokens[500:]:
        guesser.add(token)
        guesser.guess(31)
        guesser.observe(1, 0.01)
    return (time.process_time() - started) / len(tokens[500:]) * 1e6


def microseconds_of_a_delta(times: int = 20_000) -> float:
    """What sending one takes, at most one for each token."""
    with Path(os.devnull).open("wb") as events:
        pipe = Pipe(sys.stdin.buffer, events)
        started = time.process_time()
        for number in range(times):
            pipe.emit(Delta(id=1, text=" lighthouse keeper", completion_tokens=number))
        return (time.process_time() - started) / times * 1e6


async def measure(model: Path) -> bool:
    engine = WorkerEngine()
    engine.start()
    try:
        load = Load(
            model_path=str(model),
            n_ctx=8192,
            n_gpu_layers=0,
            n_threads=1,
            formats=formats(),
            cpu_extras=cpu_extras(),
        )
        connection = await TimedConnection.load(engine, load, print)
        worker = psutil.Process(engine.process_id)
        figures = [await microseconds_a_token(connection, worker, length) for length in LENGTHS]
    finally:
        await engine.close()
    delta = microseconds_of_a_delta()
    totals = []
    for length, figure in zip(LENGTHS, figures, strict=True):
        guessing = microseconds_of_guessing(length)
        totals.append(figure + guessing + delta)
        print(
            f"replies of {length:,} tokens: {totals[-1]:.0f} µs a token"
            f" ({figure:.0f} for the token, {guessing:.0f} for guessing, {delta:.0f} for a delta)"
        )
    is_kept = max(totals) <= TARGET
    print(
        f"(target: at most {TARGET:.0f} µs, whatever the length): {'as promised' if is_kept else 'MISSED'}"
    )
    return is_kept


def main() -> int:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 0 if asyncio.run(measure(write_endless(Path(folder) / "endless.gguf"))) else 1


if __name__ == "__main__":
    sys.exit(main())
