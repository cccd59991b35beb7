"""A real base model, Gemma 3 270M: its prompts are right and its replies end. What they say is the
model's business.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from modechat.domain.conversation import StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import ChatPrompt, Inspect, Inspected, InstructPrompt, Loaded
from modechat.prompt_files import load_prompt_files
from modechat.prompting.formats import FormatSource
from tests.engine.driver import Answer, Driver, chat, running_engine

pytestmark = pytest.mark.base_model

BRIEF = Sampling(temperature=0, max_tokens=120)
N_CTX = 2048
WINDOW = 512
"""Tokens that Gemma's sliding layers look back."""

TASKS = [
    InstructPrompt(instruction="What is the capital of France?"),
    InstructPrompt(instruction="Translate into Spanish.", input="I love you."),
    InstructPrompt(instruction="Name three fruits."),
    InstructPrompt(instruction="What is 2 + 3?"),
    InstructPrompt(instruction="Correct the spelling.", input="I has a dog."),
    InstructPrompt(instruction="Write one sentence about the sea."),
    InstructPrompt(
        instruction="Is the review positive or negative?",
        input="The food was cold, the staff were rude.",
    ),
    InstructPrompt(instruction="Who wrote Hamlet?"),
    InstructPrompt(instruction="Explain what rain is."),
    InstructPrompt(instruction="Sort these numbers.", input="7, 2, 9, 4"),
]
CHATS = [
    chat("Hello! What can you do?"),
    chat("What is the capital of Italy?"),
    chat("Who was Albert Einstein?"),
    chat("Name a large city in Japan."),
    chat("How do I boil an egg?"),
    chat("Recommend a book."),
    chat("Why is the sky blue?"),
    chat("Thanks!"),
    chat("I like tea.", "Good choice.", "And what do I like?"),
    chat(
        "My name is Anna.",
        "Nice to meet you, Anna.",
        "I live in Oslo.",
        "A fine city.",
        "What is my name?",
    ),
]


@dataclass(frozen=True)
class Session:
    """What the model said, in one engine."""

    loaded: Loaded
    tasks: list[Answer]
    chats: list[Answer]


@pytest.fixture(scope="module")
def session(gemma: Path) -> Session:
    async def work() -> Session:
        async with running_engine() as driver:
            loaded = await driver.load(gemma, n_ctx=N_CTX)
            assert isinstance(loaded, Loaded), loaded
            tasks = [await driver.generate(task, BRIEF) for task in TASKS]
            chats = [await driver.generate(messages, BRIEF) for messages in CHATS]
            return Session(loaded, tasks, chats)

    return asyncio.run(work())


async def view(driver: Driver, prompt: ChatPrompt | InstructPrompt) -> PromptView:
    driver.engine.send(Inspect(id=1, prompt=prompt))
    event = await driver.next_event()
    assert isinstance(event, Inspected), event
    assert event.prompt is not None, event.error
    return event.prompt


def test_a_base_model_continues_a_transcript_and_says_so(session: Session) -> None:
    model = session.loaded.model
    assert (model.format, model.format_source) == ("transcript", FormatSource.BUILT_IN)
    assert any("base model" in note for note in model.notes)


@pytest.mark.parametrize(
    "prompt",
    [
        *TASKS[:2],
        *CHATS[-2:],
        chat("<bos>Hello<bos>"),
        InstructPrompt(instruction="Explain", input="<bos>"),
    ],
    ids=range(6),
)
async def test_a_prompt_begins_with_one_bos_and_has_no_other(
    prompt: ChatPrompt | InstructPrompt, gemma: Path
) -> None:
    async with running_engine(gemma, n_ctx=N_CTX) as driver:
        seen = await view(driver, prompt)
    assert (seen.tokens[0].text, seen.tokens[0].control) == ("<bos>", True)
    assert [token.text for token in seen.tokens[1:] if token.control] == []
    assert seen.tokens[0].id not in [token.id for token in seen.tokens[1:]]


def test_replies_to_tasks_end_by_themselves(session: Session) -> None:
    assert_ended(session.tasks)


def test_replies_in_a_chat_end_by_themselves(session: Session) -> None:
    assert_ended(session.chats)


def test_replies_in_both_modes_hold_nothing_of_the_transcript(session: Session) -> None:
    for answer in (*session.tasks, *session.chats):
        for marker in ("###", "User:", "Assistant:", "A conversation between"):
            assert marker not in answer.text


async def test_a_named_task_gets_its_own_examples_in_place_of_the_formats_and_ends(
    gemma: Path,
) -> None:
    task = next(
        task
        for task in load_prompt_files(own=Path("/nonexistent")).tasks
        if task.name == "question"
    )
    instruction = "When does the shop open?"
    prompt = InstructPrompt(
        instruction=instruction,
        input="The shop opens at nine and closes at six. On Sundays it is closed.",
        examples=task.worked_examples(instruction),
    )

    async with running_engine(gemma, n_ctx=N_CTX) as driver:
        seen, answer = await view(driver, prompt), await driver.generate(prompt, BRIEF)
    assert seen.text.count("### Response:") == len(task.examples) + 1
    assert all(example.response in seen.text for example in task.examples)
    assert_ended([answer])


async def test_a_chat_has_what_was_said_two_turns_ago_in_its_prompt(gemma: Path) -> None:
    async with running_engine(gemma, n_ctx=N_CTX) as driver:
        seen = await view(driver, CHATS[-1])
    assert seen.text.endswith(
        "User: My name is Anna.\nAssistant: Nice to meet you, Anna.\nUser: I live in Oslo.\nAssistant: A fine city.\n"
        "User: What is my name?\nAssistant:"
    )


async def test_going_back_behind_the_sliding_window_is_like_going_back_a_step(gemma: Path) -> None:
    """The same prefix is reused both times: the reply differs if the cache holds less of it than
    its lane says.
    """
    sea = "The sea is blue. "
    told = (f"{sea * 100}My name is Anna.", "Nice to meet you, Anna.")
    asked, short, long = (
        chat(*told, last) for last in ("What is my name?", "The sea is?", f"The {sea * 220}")
    )

    async def replies(*prompts: ChatPrompt) -> list[Answer]:
        async with running_engine(gemma, n_ctx=N_CTX) as driver:
            return [await driver.generate(prompt, BRIEF) for prompt in prompts]

    _, _, near = await replies(asked, short, asked)
    _, between, far = await replies(asked, long, asked)
    reused = near.finished.stats.reused_tokens
    assert between.finished.stats.prompt_tokens - WINDOW > reused > WINDOW
    assert (far.text, far.finished.stats.reused_tokens) == (near.text, reused)


def assert_ended(answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.finished.stop_reason in (StopReason.STOP_STRING, StopReason.END), answer.text
        assert answer.text
