"""Named tasks, formats, thinking, and looking at prompts, on the scripted engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Task
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.engine.protocol import Inspect, InstructPrompt, UseFormat
from modechat.engine.scripted import ScriptedEngine
from modechat.errors import EngineError
from modechat.prompting.tasks import NamedTask, TaskArgument, TaskExample
from modechat.session.events import FormatInUse, ReplyGrew, ThinkingChanged, TurnReplaced
from tests.session.fake_files import with_files
from tests.session.harness import Harness, running_session, settings, start_task

TRANSLATE = NamedTask(
    name="translate",
    title="Translate",
    instruction="Translate into {argument}.",
    argument=TaskArgument(name="language", default="English"),
    examples=(TaskExample(input="Hola", response="Hello"),),
    sampling=Sampling(temperature=0.1),
)
ASK = NamedTask(
    name="ask",
    title="Ask",
    instruction="{argument}",
    argument=TaskArgument(name="question"),
    context_first=True,
)
TASKS = replace(settings(), tasks=(TRANSLATE, ASK), sampling=Sampling(temperature=0.9, top_k=7))


def requests(harness: Harness, kind: type) -> list[object]:
    assert isinstance(harness.engine, ScriptedEngine)
    return [request for request in harness.engine.requests if isinstance(request, kind)]


async def test_a_task_with_an_input_is_one_turn_with_its_examples_and_sampling(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, session_settings=TASKS) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        assert await start_task(harness.session, TRANSLATE, "Spanish\nGood day") is None
        await harness.ready()
        request = harness.requests[-1]
        assert request.prompt == InstructPrompt(
            instruction="Translate into Spanish.",
            input="Good day",
            examples=(Example("Translate into Spanish.", "Hola", "Hello"),),
        )
        assert request.sampling == Sampling(temperature=0.1, top_k=7)
        assert harness.session.state == ModeState(Mode.CHAT)
        await harness.session.regenerate()
        await harness.ready()
        assert harness.requests[-1].prompt == request.prompt


async def test_a_task_without_an_input_takes_every_message_as_one_also_after_opening_again(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, session_settings=TASKS) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        assert await start_task(harness.session, TRANSLATE, "") is None
        assert harness.session.state == ModeState(
            Mode.INSTRUCT, "Translate into English.", "translate"
        )
        await harness.say("Guten Tag")
    async with running_session(tmp_path, session_settings=TASKS) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        turn = await harness.say("Auf Wiedersehen")
        assert turn is not None
        assert turn.request == Task("Translate into English.", "Auf Wiedersehen", name="translate")
        prompt = harness.requests[-1].prompt
        assert isinstance(prompt, InstructPrompt)
        assert len(prompt.examples) == 1


async def test_a_task_that_needs_more_says_what(tmp_path: Path) -> None:
    async with running_session(tmp_path, session_settings=TASKS) as harness:
        await harness.session.library.begin_new()
        refused = await start_task(harness.session, ASK, "")
        assert isinstance(refused, Incomplete)
        assert "/task ask QUESTION" in refused.reason


async def test_a_format_is_used_from_now_on_and_remembered(tmp_path: Path) -> None:
    remembered: list[str | None] = []

    options = with_files(settings(), remember_format=remembered.append)
    async with running_session(tmp_path, session_settings=options) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        assert await harness.session.model_choice.use_format("vicuna") is None
        await harness.until(lambda: bool(harness.told(FormatInUse)))
        assert harness.session.model is not None
        assert harness.session.model.format == "vicuna"
        turn = await harness.say("Hi")
        assert turn is not None
        assert turn.reply.stats is not None
        assert turn.reply.stats.format == "vicuna"
    assert remembered == ["vicuna"]


async def test_trying_a_format_asks_again_and_remembers_nothing(tmp_path: Path) -> None:
    remembered: list[str | None] = []

    options = with_files(settings(), remember_format=remembered.append)
    async with running_session(tmp_path, session_settings=options) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        await harness.say("Hi")
        assert await harness.session.model_choice.try_format("alpaca") is None
        await harness.ready()
        assert requests(harness, UseFormat) == [UseFormat(format="alpaca")]
        assert harness.told(TurnReplaced)[-1].turn.typed == "Hi"
    assert remembered == []


async def test_the_wish_to_think_goes_with_every_request(tmp_path: Path) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        await harness.say("Hi")
        harness.session.model_choice.set_thinking(False)
        await harness.say("Again")
        assert [request.thinking for request in harness.requests] == [None, False]
        assert [event.wanted for event in harness.told(ThinkingChanged)] == [False]


async def test_thinking_is_told_and_stored_apart_and_goes_back_apart(tmp_path: Path) -> None:
    async with running_session(tmp_path, lambda _: "<think>Two and two.</think>4") as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        turn = await harness.say("2+2?")
        assert turn is not None
        assert (turn.reply.text, turn.reply.thinking) == ("4", "Two and two.")
        thought = [event.text for event in harness.told(ReplyGrew) if event.is_thinking]
        assert "".join(thought) == "Two and two."
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        await harness.say("Why?")
        prompt = harness.requests[-1].prompt
        assert not isinstance(prompt, InstructPrompt)
        assert (prompt.messages[1].content, prompt.messages[1].thinking) == (
            "4",
            "Two and two.",
        )


async def test_the_prompts_of_the_next_turn_and_of_earlier_ones_can_be_looked_at(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        await harness.session.library.begin_new()
        await harness.ready()
        first, second = await harness.say("One"), await harness.say("Two")
        assert first is not None
        assert second is not None
        chat = await harness.session.prompts.next(ChatMessage("Three"))
        task = await harness.session.prompts.next(Task("Three"))
        assert "One" in chat.text
        assert "Three" in chat.text
        assert "One" not in task.text
        assert "Two" not in (await harness.session.prompts.of_turn(first)).text
        of_second = await harness.session.prompts.of_turn(second)
        assert "One" in of_second.text
        assert "Two" in of_second.text
        assert len(requests(harness, Inspect)) == 4


async def test_looking_at_a_prompt_fails_while_there_is_no_model_and_when_the_program_closes(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path) as harness:
        with pytest.raises(EngineError, match="not loaded"):
            await harness.session.prompts.next(ChatMessage("Hi"))
