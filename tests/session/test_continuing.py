"""Replies that were cut go on where they ended, and nothing of them is ever lost."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from modechat.domain.conversation import ReplyState, StopReason
from modechat.domain.modes import Incomplete
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.protocol import ChatPrompt, Failed, Generate, InstructPrompt, Load
from modechat.engine.scripted import Pace
from modechat.session.events import (
    PromptEvaluated,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    Trouble,
    TurnReplaced,
)
from modechat.session.settings import SessionSettings
from modechat.store import Store
from tests.engine.driver import formats
from tests.session.harness import Clock, Harness, running_session, send, settings
from tests.tiny_models import write_endless

TEN = "one two three four five six seven eight nine ten"


def at_most(words: int) -> SessionSettings:
    base = settings()
    return SessionSettings(load=base.load, sampling=Sampling(max_tokens=words))


async def begin(harness: Harness, text: str = "Count") -> None:
    await harness.session.library.open_latest()
    await harness.ready()
    await harness.say(text)


async def go_on(harness: Harness) -> str:
    """Continue the reply; the text of the whole."""
    assert await harness.session.turns.continue_reply() is None
    await harness.ready()
    return harness.told(ReplyEnded)[-1].turn.reply.text


async def test_a_reply_that_was_too_long_goes_on_until_it_ends(tmp_path: Path) -> None:
    async with running_session(
        tmp_path, lambda _request: TEN, session_settings=at_most(4)
    ) as harness:
        await begin(harness)
        turn = harness.told(ReplyEnded)[-1].turn
        assert (turn.reply.text, turn.reply.stop_reason) == (
            "one two three four",
            StopReason.LENGTH,
        )
        assert await go_on(harness) == "one two three four five six seven eight"
        shown = harness.told(TurnReplaced)[-1]
        assert (shown.old_id, shown.turn.id, shown.turn.reply.text) == (
            turn.id,
            turn.id,
            "one two three four",
        )
        prompt = harness.requests[-1].prompt
        assert isinstance(prompt, ChatPrompt)
        assert prompt.prefill == "one two three four"
        assert await go_on(harness) == TEN
        assert "".join(event.text for event in harness.told(ReplyGrew)).split() == TEN.split()
        last = harness.told(ReplyEnded)[-1].turn.reply
        assert last.stop_reason is StopReason.END
        assert last.stats is not None
        assert last.stats.completion_tokens == 10
        assert last.stats.prompt_tokens == 2  # "user: Count"
        assert isinstance(await harness.session.turns.continue_reply(), Incomplete)
    store = Store.open(tmp_path, Clock())
    assert store.conversation(1).turns[0].reply == last
    store.close()


async def test_of_a_task_the_users_own_beginning_stays_marked_as_theirs(tmp_path: Path) -> None:
    async with running_session(
        tmp_path, lambda _request: TEN, session_settings=at_most(2)
    ) as harness:
        await begin(harness, "### Instruction\nCount\n### Response\none two")
        assert await go_on(harness) == "one two three four five six"
        prompt = harness.requests[-1].prompt
        assert isinstance(prompt, InstructPrompt)
        assert (prompt.prefill, prompt.typed) == ("one two three four", len("one two"))


async def test_a_reply_that_was_cut_while_the_model_thought_cannot_go_on(tmp_path: Path) -> None:
    held = asyncio.Event()

    async with running_session(
        tmp_path, lambda _r: f"<think>{TEN}</think> 4", pace=_held(held)
    ) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        held.set()
        await send(harness.session, "What is 2 + 2?")
        await harness.until(lambda: bool(harness.told(ReplyGrew)))
        await harness.session.close()
    async with running_session(tmp_path) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        refused = await harness.session.turns.continue_reply()
        assert isinstance(refused, Incomplete)
        assert "while the model thought" in refused.reason


def _held(held: asyncio.Event) -> Pace:
    words = 0

    async def pace() -> None:
        nonlocal words
        await asyncio.sleep(0)
        if held.is_set():
            words += 1
            if words > 3:
                await asyncio.sleep(3600)

    return pace


@pytest.mark.parametrize("replies", [[], ["one"]])
async def test_there_is_nothing_to_go_on_with_in_a_new_conversation_or_after_a_whole_reply(
    tmp_path: Path, replies: list[str]
) -> None:
    async with running_session(tmp_path, lambda _request: TEN) as harness:
        await harness.session.library.open_latest()
        await harness.ready()
        for _ in replies:
            await harness.say("Count")
        assert isinstance(await harness.session.turns.continue_reply(), Incomplete)


async def test_a_failure_before_anything_was_added_leaves_the_reply_as_it_was(
    tmp_path: Path,
) -> None:
    def script(request: Generate) -> str | Failed:
        if isinstance(request.prompt, ChatPrompt) and request.prompt.prefill:
            return Failed(id=None, kind="context", title="It does not fit")
        return TEN

    async with running_session(tmp_path, script, session_settings=at_most(4)) as harness:
        await begin(harness)
        before = harness.told(ReplyEnded)[-1].turn
        assert await go_on(harness) == before.reply.text
        assert harness.told(ReplyEnded)[-1].turn == before
        assert harness.told(Trouble)[-1].title == "It does not fit"


@pytest.mark.parametrize("moment", [PromptEvaluated, ReplyGrew])
async def test_a_worker_that_dies_while_it_goes_on_costs_nothing_of_what_was_on_disk(
    tmp_path: Path, moment: type[SessionEvent]
) -> None:
    model = write_endless(tmp_path / "endless.gguf")
    load = Load(model_path=str(model), n_ctx=16384, n_gpu_layers=0, n_threads=1, formats=formats())
    sampling = Sampling(temperature=0, stop_repetition=False, max_tokens=1000)
    options = SessionSettings(load=load, sampling=sampling)
    engine = WorkerEngine()
    going_on = False

    def kill(event: SessionEvent) -> None:
        nonlocal going_on
        if going_on and isinstance(event, moment):
            going_on = False
            assert engine.process_id is not None
            os.kill(engine.process_id, signal.SIGKILL)

    async with running_session(
        tmp_path / "data", engine=engine, session_settings=options, watch=kill
    ) as harness:
        await begin(harness, "Go " * 300)
        before = harness.told(ReplyEnded)[-1].turn.reply
        assert before.text
        shown = len(harness.told(ReplyGrew))
        going_on = True
        assert await harness.session.turns.continue_reply() is None
        await harness.until(lambda: len(harness.told(ReplyEnded)) == 2)
        after = harness.told(ReplyEnded)[-1].turn
        added = "".join(event.text for event in harness.told(ReplyGrew)[shown:])
        assert after.reply.text == (before.text + added).rstrip()
        if not added:
            assert after.reply == before
        else:
            assert after.reply.state is ReplyState.INTERRUPTED
    store = Store.open(tmp_path / "data", Clock())
    assert store.conversation(1).turns[0] == after
    store.close()
