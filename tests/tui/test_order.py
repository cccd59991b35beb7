"""Whatever is asked for is done in the order of the keys, also behind something slow."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed
from modechat.session.chat_session import ChatSession
from modechat.session.inputs import Inputs
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.screens.compare_setup import CompareSetup
from tests.session.harness import Gate
from tests.tui.harness import Screen, running_app
from tests.tui.test_compare import back, compared


class Slow:
    """Something slow that was asked for, such as opening a long conversation."""

    def __init__(self, screen: Screen) -> None:
        self._go_on = asyncio.Event()
        chat_of(screen).composer.outbox.put(self._work)

    async def _work(self, _session: ChatSession) -> Incomplete | None:
        await self._go_on.wait()
        return None

    def end(self) -> None:
        self._go_on.set()


def chat_of(screen: Screen) -> ChatScreen:
    chat = screen.app.screen_stack[0]
    assert isinstance(chat, ChatScreen)
    return chat


def session_of(screen: Screen) -> ChatSession:
    assert screen.app.session is not None
    return screen.app.session


async def type_lines(screen: Screen, *lines: str) -> None:
    for line in lines:
        await screen.type(line)
        await screen.press("enter")


async def test_a_message_after_mode_is_sent_in_the_new_mode_behind_anything_slow(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        slow = Slow(screen)
        await type_lines(screen, "/mode", "Translate: cat")
        slow.end()
        await screen.until(lambda: bool(screen.replies))
        await screen.settled()
        turn = session_of(screen).last_turn
        assert turn is not None
        assert (turn.typed, turn.mode) == ("Translate: cat", Mode.INSTRUCT)


async def test_a_message_after_new_is_sent_in_the_new_conversation(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("in the old one")
        slow = Slow(screen)
        await type_lines(screen, "/new", "in the new one")
        await screen.type("still being typed")
        slow.end()
        await screen.until(lambda: screen.replies == ["You said: in the new one"])
        await screen.settled()
        assert session_of(screen).conversation_id == 2
        await screen.until(lambda: screen.prompt.text == "still being typed")


async def test_commands_and_keys_are_done_in_their_order_behind_anything_slow(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("one")
        slow = Slow(screen)
        await type_lines(screen, "/pin", "/mode", "/new")  # a new conversation begins in chat mode
        await screen.press("shift+tab")
        slow.end()
        session = session_of(screen)
        await screen.until(lambda: session.state.mode is Mode.INSTRUCT and not session.conversation)
    async with running_app(tmp_path) as screen:
        turn = session_of(screen).last_turn
        assert turn is not None
        assert (turn.typed, turn.pinned) == ("one", True)
        assert session_of(screen).state.mode is Mode.INSTRUCT


async def test_a_queued_message_keeps_the_mode_that_it_was_typed_in(tmp_path: Path) -> None:
    gate = Gate()
    async with running_app(tmp_path, pace=gate) as screen:
        await type_lines(screen, "one")
        await screen.until(lambda: session_of(screen).is_busy)
        await type_lines(screen, "two", "/mode")
        await screen.until(lambda: session_of(screen).state.mode is Mode.INSTRUCT)
        gate.open()
        await screen.until(lambda: len(screen.replies) == 2)
        await screen.settled()
        turn = session_of(screen).last_turn
        assert turn is not None
        assert (turn.typed, turn.mode) == ("two", Mode.CHAT)


@pytest.mark.parametrize("by", ["Esc", "/stop"])
async def test_a_long_message_that_waits_for_the_engine_can_be_stopped(
    tmp_path: Path, by: str
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.settled()
        session = session_of(screen)
        asked = asyncio.Event()

        async def never(*_arguments: object) -> object:
            asked.set()
            return await asyncio.Event().wait()

        session.prompts.alone = never  # type: ignore[method-assign,assignment]
        long = "word " * 3000
        screen.prompt.fill(long)
        await screen.press("enter")
        await asyncio.wait_for(asked.wait(), 10)
        if by == "Esc":
            await screen.press("escape")
        else:
            await type_lines(screen, by)
        await screen.sees("Stopped: nothing was sent.")
        assert screen.prompt.text == long
        assert session.last_turn is None


async def test_a_key_for_a_new_conversation_before_the_draft_is_shown_leaves_all_text_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("first message")
        await screen.type("earlier draft")
        await chat_of(screen).composer.outbox.save_draft()
    is_read, read = asyncio.Event(), Inputs.draft

    async def slow(inputs: Inputs, conversation_id: int | None) -> Typed:
        await is_read.wait()
        return await read(inputs, conversation_id)

    monkeypatch.setattr(Inputs, "draft", slow)
    async with running_app(tmp_path) as screen:
        await screen.type("my text")
        await screen.press("ctrl+n")
        is_read.set()
        session = session_of(screen)
        await screen.until(lambda: session.conversation_id is None)
        await type_lines(screen, "second message")
        await screen.until(lambda: screen.replies == ["You said: second message"])
        await screen.settled()
        assert await session.inputs.draft(1) == Typed("earlier draft\n\nmy text")


async def test_history_with_a_number_counts_from_the_last_message_and_keeps_what_was_typed_since(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("first message")
        await screen.send("second message")
        slow = Slow(screen)
        await type_lines(screen, "/history 2")
        await screen.type("typed since")
        slow.end()
        await screen.until(lambda: screen.prompt.text == "first message\n\ntyped since")
        screen.prompt.clear()
        await type_lines(screen, "/history 1")
        await screen.until(lambda: screen.prompt.text == "second message")


async def test_compare_asks_only_the_words_after_it_and_not_what_was_typed_since(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        slow = Slow(screen)
        await type_lines(screen, "/compare Why is it so?")
        await screen.type("typed since")
        slow.end()
        await screen.until(lambda: isinstance(screen.app.screen, CompareSetup))
        assert screen.prompt.text == "Why is it so?\n\ntyped since"
        await compared(screen, "enter")
        await screen.press("enter")
        await back(screen)
        assert screen.replies == ["You said: Why is it so?"]
        assert screen.prompt.text == "typed since"


async def test_compare_that_is_refused_keeps_what_was_typed_since(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.settled()
        slow = Slow(screen)
        await type_lines(screen, "/compare /task nonsense")
        await screen.type("typed since")
        slow.end()
        await screen.sees("This asks the model nothing that could be compared")
        assert screen.prompt.text == "/compare /task nonsense\n\ntyped since"
