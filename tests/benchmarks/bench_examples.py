"""Whether the starter model does what the README, the help and the tasks show: each example with
ten seeds.

An example is what a newcomer tries first, so one is only shown if the model does it in nine of ten
tries. `--more` measures candidates that are shown nowhere.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from modechat.cli.request import read_request, read_task
from modechat.domain.conversation import Message, Role, StopReason
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.models.starter import STARTER_SAMPLING, starter_model
from modechat.prompt_files import load_prompt_files
from modechat.prompting.tasks import NamedTask
from tests.engine.driver import Driver, running_engine

TARGET = 0.9
MOST_TOKENS = 150
ARTICLE = (
    "The old bridge over the river was closed on Monday because engineers found cracks in two of its pillars. "
    "Repairs will take six months and cost four million euros. Until then, drivers must use the new bridge in the "
    "north of the town."
)
DIFF = "--- a/app.py\n+++ b/app.py\n@@ -1,3 +1,3 @@\n-print('Helo')\n+print('Hello')\n"
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0},
        "city": {"enum": ["Paris", "Madrid", "Rome"]},
    },
    "required": ["name", "age", "city"],
}
NURSE = "Maria Lopez, 34, works as a nurse in Madrid."

Rule = Callable[[str], bool]


@dataclass(frozen=True)
class Example:
    """Something to ask, as `modechat run` has it, and what an answer to it must be."""

    said: str
    is_right: Rule
    piped: str = ""
    task: str = ""
    before: str = ""
    """The message of the chat that was answered before."""
    schema: object = None
    grammar: str | None = None


def says(*words: str, at_most: int = 600) -> Rule:
    """All of the words (alternatives by `|`), and not too much else."""
    return lambda reply: (
        len(reply) <= at_most and all(re.search(word, reply, re.IGNORECASE) for word in words)
    )


def summary(*words: str, of: str) -> Rule:
    """Shorter than the text, with these words."""
    return lambda reply: says(*words, at_most=len(of) * 3 // 4)(reply)


def is_person(reply: str) -> bool:
    return bool(json.loads(reply) == {"name": "Maria Lopez", "age": 34, "city": "Madrid"})


BILL = "Ben paid for the dinner. Ann brought the wine."
TRIP = "I live in Oslo, and I am going to Rome by train on Friday."
NEWS = "The old bridge was closed on Monday because of cracks in its pillars."
SHOWN = (
    Example("### Chat\nWho paid for the dinner?", says("Ben", at_most=700), before=BILL),
    Example(f"When was the bridge closed?\n### Input\n{NEWS}", says("Monday", at_most=200)),
    Example(
        "Why was the bridge closed?",
        says("crack"),
        piped="The bridge was closed on Monday because of cracks.",
    ),
    Example(
        "Summarise this text in one sentence",
        summary("bridge", "closed", of=ARTICLE),
        piped=ARTICLE,
    ),
    Example(
        f"Summarise in one sentence\n### Input\n{ARTICLE}\n### Response\nIn short,",
        says("^In short,", "bridge", at_most=len(ARTICLE)),
    ),
    Example("Extract the person as JSON", is_person, piped=NURSE, schema=PERSON),
    Example("Is Paris in France?", says("^yes$"), grammar='root ::= "yes" | "no"'),
    Example("", summary("bridge", of=ARTICLE), piped=ARTICLE, task="summarise"),
    Example(
        "When was the bridge closed?", says("Monday", at_most=200), piped=NEWS, task="question"
    ),
    Example(
        "When was the bridge closed?", says("Monday", at_most=200), piped=ARTICLE, task="question"
    ),
    Example(
        "When was it closed?",
        says("Monday"),
        piped="The bridge was closed on Monday.",
        task="question",
    ),
)
MORE = (
    Example("### Chat\nHow do I get to Rome?", says("train", at_most=600), before=TRIP),
    Example("### Chat\nWhere do I live?", says("Oslo", at_most=400), before=TRIP),
    Example(
        "### Chat\nHow old is Milo?",
        says("three|3", at_most=300),
        before="My cat Milo is three years old.",
    ),
    Example(
        "### Chat\nWhat is my cat called?",
        says("Milo", at_most=300),
        before="My cat Milo is three years old.",
    ),
    Example(
        "### Chat\nWhat is my name?", says("Ada", at_most=200), before="Hello, my name is Ada."
    ),
    Example("### Chat\nWhat is the capital of France?", says("Paris", at_most=300)),
    Example("Who paid?\n### Input\n" + BILL, says("Ben", at_most=200)),
    Example("Who is this about?\n### Input\n" + NURSE, says("Maria", at_most=200)),
    Example("Name three fruits", says("apple|banana|orange")),
    Example("Write a title for this text", says("bridge", at_most=150), piped=ARTICLE),
    Example("Translate into French\n### Input\nGood morning.", says("bonjour", at_most=60)),
    Example("Translate into Spanish: I love you", says("te (amo|quiero)", at_most=60)),
    Example("French", says("bonjour", at_most=60), piped="Good morning.", task="translate"),
    Example("Write a commit message", says("hello|typo|spelling", at_most=200), piped=DIFF),
)


class Asking:
    """Asks a model for examples."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._files = load_prompt_files(own=Path("/nonexistent"))

    async def ask(self, example: Example, seed: int) -> tuple[str, StopReason]:
        named = next((task for task in self._files.tasks if task.name == example.task), None)
        request = (
            read_task(named, example.said, example.piped)
            if named
            else read_request(example.said, example.piped)
        )
        own = named.sampling if named else Sampling()
        sampling = Sampling(seed=seed, max_tokens=MOST_TOKENS).over(own).over(STARTER_SAMPLING)
        earlier: tuple[Message, ...] = ()
        if example.before:
            earlier = (Message(Role.USER, example.before),)
            replied = await self._driver.generate(ChatPrompt(messages=earlier), sampling)
            earlier = (*earlier, Message(Role.ASSISTANT, replied.text))
        answer = await self._driver.generate(
            self._prompt(request, named, earlier),
            sampling,
            schema=example.schema,
            grammar=example.grammar,
        )
        return answer.text, answer.finished.stop_reason

    def _prompt(
        self, request: ChatMessage | Task, named: NamedTask | None, earlier: tuple[Message, ...]
    ) -> ChatPrompt | InstructPrompt:
        if isinstance(request, ChatMessage):
            return ChatPrompt(messages=(*earlier, Message(Role.USER, request.text)))
        return InstructPrompt(
            instruction=request.instruction,
            input=request.input,
            prefill=request.prefill,
            examples=named.worked_examples(request.instruction) if named else (),
            context_first=named.context_first if named else False,
        )


def _is_right(example: Example, reply: str, reason: StopReason) -> bool:
    return reason is StopReason.END and example.is_right(reply.strip())


async def measure(
    model: Path, examples: tuple[Example, ...], seeds: range, *, verbose: bool
) -> bool:
    reached = True
    async with running_engine(model, n_ctx=4096) as driver:
        asking = Asking(driver)
        for example in examples:
            answers = [await asking.ask(example, seed) for seed in seeds]
            right = sum(_is_right(example, *answer) for answer in answers)
            reached = reached and right >= TARGET * len(seeds)
            named = f"{example.task or 'run'}: {' '.join(example.said.split())[:70]}"
            print(f"{right:3} of {len(seeds)}  {named}", flush=True)
            for reply, reason in answers:
                if verbose or not _is_right(example, reply, reason):
                    print(f"          {reason}: {' '.join(reply.split())[:160]}", flush=True)
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--first-seed", type=int, default=1, help="other seeds than those by which they were chosen"
    )
    parser.add_argument("--more", action="store_true", help="measure candidates")
    parser.add_argument("--verbose", action="store_true", help="print right answers too")
    arguments = parser.parse_args()
    model = starter_model()
    if model is None:
        print("The starter model is not installed.", file=sys.stderr)
        return 1
    examples = MORE if arguments.more else SHOWN
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    return 0 if asyncio.run(measure(model, examples, seeds, verbose=arguments.verbose)) else 1


if __name__ == "__main__":
    sys.exit(main())
