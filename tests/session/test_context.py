"""A chat that outgrows the context: what leaves, what stays, and what the model is told instead."""

from __future__ import annotations

import asyncio
from pathlib import Path

from modechat.domain.conversation import ContextCut, Message, Role
from modechat.domain.modes import Incomplete
from modechat.engine.protocol import ChatPrompt, Failed, Generate, InstructPrompt, SaveLanes
from modechat.engine.scripted import ScriptedEngine
from modechat.session.events import (
    CompactionChanged,
    ContextMoved,
    ConversationOpened,
    Trouble,
    TurnChanged,
)
from modechat.session.phase import Phase
from tests.session.harness import Harness, echo, running_session, send, settings

WORDS = 32


def small(script: object = echo) -> ScriptedEngine:
    return ScriptedEngine(script, n_ctx=WORDS)  # type: ignore[arg-type]


async def opened(harness: Harness) -> None:
    await harness.session.library.open_latest()
    await harness.ready()


def asked(harness: Harness) -> ChatPrompt:
    """The newest chat request."""
    prompt = harness.requests[-1].prompt
    assert isinstance(prompt, ChatPrompt)
    return prompt


async def fill(harness: Harness, turns: int = 6) -> None:
    for number in range(turns):
        await harness.say(f"Message number {number}")


async def test_what_has_left_the_context_is_told_kept_and_sent_with_the_next_requests(
    tmp_path: Path,
) -> None:
    async with running_session(tmp_path, engine=small()) as harness:
        await opened(harness)
        await fill(harness, 4)
        (moved,) = harness.told(ContextMoved)
        assert moved == ContextMoved(ContextCut(after_turn_id=3, left_turn_id=1), n_left_out=2)
        assert asked(harness).n_left_out == 0
        await harness.say("And now?")
        assert asked(harness).n_left_out == 2
        assert (
            len(asked(harness).messages) == 9
        )  # the engine takes them out, so that it can say how many
    async with running_session(tmp_path, engine=small()) as harness:
        await opened(harness)
        conversation = harness.told(ConversationOpened)[-1].conversation
        assert conversation is not None
        assert conversation.cut is not None
        left = conversation.cut.left_turn_id
        await harness.session.regenerate()
        await harness.ready()
        assert asked(harness).n_left_out == 2 * left


async def test_a_pinned_turn_stays_and_counts_for_nothing(tmp_path: Path) -> None:
    async with running_session(tmp_path, engine=small()) as harness:
        await opened(harness)
        assert isinstance(await harness.session.turns.toggle_pin(), Incomplete)
        await harness.say("My name is Ada")
        assert await harness.session.turns.toggle_pin() is None
        assert harness.told(TurnChanged)[-1].turn.pinned
        await fill(harness, 4)
        assert harness.told(ContextMoved)
        assert [message.pinned for message in asked(harness).messages[:3]] == [
            True,
            True,
            False,
        ]
    async with running_session(tmp_path, engine=small()) as harness:
        await opened(harness)
        conversation = harness.session.conversation
        assert conversation is not None
        assert [turn.pinned for turn in conversation.turns[:2]] == [True, False]


async def test_a_turn_that_failed_is_not_in_the_way_of_the_pin_before_it(tmp_path: Path) -> None:
    def script(request: Generate) -> str | Failed:
        assert isinstance(request.prompt, ChatPrompt)
        if any(message.pinned for message in request.prompt.messages):
            return Failed(id=None, kind="context", title="Too long")
        return echo(request)

    async with running_session(tmp_path, script) as harness:
        await opened(harness)
        await harness.say("My name is Ada")
        assert await harness.session.turns.toggle_pin() is None
        failed = await harness.say("And now?")
        assert failed is not None
        assert failed.reply.error
        assert await harness.session.turns.toggle_pin() is None
        changed = harness.told(TurnChanged)[-1].turn
        assert (changed.typed, changed.pinned) == ("My name is Ada", False)
        answered = await harness.say("And now?")
        assert answered is not None
        assert not answered.reply.error


def summariser(request: Generate) -> str:
    if isinstance(request.prompt, InstructPrompt) and request.prompt.instruction.startswith(
        "Write down what was said"
    ):
        return "They counted."
    return echo(request)  # type: ignore[return-value]


async def compacted(harness: Harness) -> ContextCut:
    before = len(harness.told(ContextMoved))
    assert await harness.session.compact() is None
    assert harness.session.is_busy
    await harness.until(lambda: len(harness.told(ContextMoved)) > before)
    await harness.ready()
    return harness.told(ContextMoved)[-1].cut


async def test_a_summary_takes_the_place_of_all_but_the_last_turns_and_survives_a_restart(
    tmp_path: Path,
) -> None:
    async with running_session(
        tmp_path, summariser, session_settings=settings(chat_system="Be brief.")
    ) as harness:
        await opened(harness)
        assert isinstance(await harness.session.compact(), Incomplete)
        await fill(harness, 4)
        cut = await compacted(harness)
        assert cut == ContextCut(2, 2, "They counted.")
        assert isinstance(harness.requests[-1].prompt, InstructPrompt)
        said = harness.requests[-1].prompt.input
        assert "User: Message number 1\nAssistant: You said: Message number 1" in said
        assert "number 2" not in said
        await harness.say("Go on")
        system = asked(harness).messages[0]
        summary = "Be brief.\n\nSummary of the conversation so far:\nThey counted."
        assert system == Message(Role.SYSTEM, summary)
        assert asked(harness).n_left_out == 4
        conversation = harness.session.conversation
        assert conversation is not None
        assert (
            conversation.turns[0].reply.text == "You said: Message number 0"
        )  # the original stays
    async with running_session(tmp_path, summariser) as harness:
        await opened(harness)
        await harness.session.regenerate()
        await harness.ready()
        assert "They counted." in asked(harness).messages[0].content
        # once more: what has come since joins the summary
        cut = await compacted(harness)
        assert cut.left_turn_id == 3
        assert isinstance(harness.requests[-1].prompt, InstructPrompt)
        assert harness.requests[-1].prompt.input.startswith(
            "Summary of what came before:\nThey counted.\n\n"
        )


async def test_the_same_can_be_summarised_again(tmp_path: Path) -> None:
    async with running_session(tmp_path, summariser) as harness:
        await opened(harness)
        await fill(harness, 3)
        first = await compacted(harness)
        assert await compacted(harness) == first
        assert isinstance(harness.requests[-1].prompt, InstructPrompt)
        assert "number 0" in harness.requests[-1].prompt.input


async def test_what_is_too_long_for_one_request_is_summarised_in_parts(tmp_path: Path) -> None:
    engine = ScriptedEngine(summariser, n_ctx=512)
    async with running_session(tmp_path, engine=engine) as harness:
        await opened(harness)
        await harness.say("word " * 120)
        await fill(harness, 2)
        before = len(harness.requests)
        await compacted(harness)
        prompts = [request.prompt for request in harness.requests[before:]]
        assert len(prompts) > 1
        assert all(
            len(prompt.input) < 800 for prompt in prompts if isinstance(prompt, InstructPrompt)
        )


async def test_summarising_can_be_stopped_and_changes_nothing(tmp_path: Path) -> None:
    slow = False

    async def pace() -> None:
        await asyncio.sleep(0.05 if slow else 0)

    async with running_session(tmp_path, summariser, pace=pace) as harness:
        await opened(harness)
        await fill(harness, 3)
        slow = True
        assert await harness.session.compact() is None
        assert isinstance(await send(harness.session, "Meanwhile"), Incomplete)
        await harness.session.stop()
        slow = False
        await harness.ready()
        assert [event.is_running for event in harness.told(CompactionChanged)] == [True, False]
        assert harness.told(ContextMoved) == []
        await harness.say("Go on")
        assert asked(harness).n_left_out == 0


async def test_a_summary_that_fails_is_told_and_changes_nothing(tmp_path: Path) -> None:
    failures = [Failed(id=None, kind="engine", title="It broke"), None]

    def script(request: Generate) -> str | Failed:
        if isinstance(request.prompt, InstructPrompt):
            return failures[0] or ""
        return echo(request)

    async with running_session(tmp_path, script) as harness:
        await opened(harness)
        await fill(harness, 3)
        for words in (
            "The chat could not be summarised: It broke",
            "The model wrote no summary",
        ):
            assert await harness.session.compact() is None
            await harness.ready()
            assert harness.told(Trouble)[-1].title == words
            failures.pop(0)
        assert harness.told(ContextMoved) == []


async def test_what_is_too_long_to_be_summarised_at_once_is_halved(tmp_path: Path) -> None:
    asked: list[int] = []

    def script(request: Generate) -> str | Failed:
        if not isinstance(request.prompt, InstructPrompt):
            return echo(request)
        asked.append(len(request.prompt.input))
        too_long = len(request.prompt.input) > 250
        return Failed(id=None, kind="context", title="Too long") if too_long else "A summary"

    async with running_session(tmp_path, script) as harness:
        await opened(harness)
        for _ in range(4):
            await harness.say("long " * 60)
        assert (await compacted(harness)).summary == "A summary"
        assert max(asked) > 500 > min(asked)


async def test_an_engine_that_dies_over_a_summary_starts_again(tmp_path: Path) -> None:
    died = Failed(id=None, kind="engine", title="It died", died=True)

    async with running_session(
        tmp_path,
        lambda request: died if isinstance(request.prompt, InstructPrompt) else echo(request),
    ) as harness:
        await opened(harness)
        await fill(harness, 3)
        assert await harness.session.compact() is None
        await harness.until(lambda: bool(harness.told(Trouble)))
        await harness.ready()
        assert harness.session.phase is Phase.READY
        assert await harness.say("Go on") is not None


async def test_a_chat_that_is_left_while_it_is_summarised_is_kept_on_disk(tmp_path: Path) -> None:
    engine = ScriptedEngine(summariser)

    async with running_session(tmp_path, engine=engine) as harness:
        await opened(harness)
        await fill(harness, 3)
        assert await harness.session.compact() is None
        await harness.session.library.begin_new()
        assert isinstance(engine.requests[-1], SaveLanes)
        await harness.ready()


async def test_closing_while_it_summarises_is_calm(tmp_path: Path) -> None:
    async with running_session(tmp_path, summariser) as harness:
        await opened(harness)
        await fill(harness, 3)
        assert await harness.session.compact() is None
        await harness.session.close()
        assert harness.session.phase is Phase.CLOSED
