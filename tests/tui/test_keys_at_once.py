"""Keys that come in one read do what they would do one after the other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events

from modechat.domain.listing import Found
from modechat.session.chat_session import ChatSession
from modechat.tui.screens.conversations import ConversationsScreen
from tests.tui.harness import Screen, running_app

NAMES = {"\r": ("enter", "\r"), "\x1b": ("escape", "\x1b"), " ": ("space", " ")}


def at_once(screen: Screen, *keys: str) -> None:
    """Names of keys, or texts that are typed."""
    for key in keys:
        if key.startswith(("ctrl+", "alt+", "f1", "f2", "f3", "f4", "f8")) or key in (
            "down",
            "up",
            "tab",
            "delete",
            "enter",
            "escape",
        ):
            screen.app.post_message(events.Key(key, {"enter": "\r", "escape": "\x1b"}.get(key)))
        else:
            for letter in key:
                name, character = NAMES.get(letter, (letter, letter))
                screen.app.post_message(events.Key(name, character))


def begins_with(screen: Screen, words: str) -> bool:
    """Whether the conversation that is shown begins with a message that has these words."""
    turns = screen.transcript.turns
    return bool(turns) and words in turns[0].turn.typed


ATTACKS = [
    ("f8", "c", "c"),
    ("f8", "q", "q"),
    ("f8", "e", "e"),
    ("f8", "enter", "enter"),
    ("f8", "d", "enter", "enter"),
    ("ctrl+o", "enter", "enter"),
    ("ctrl+o", "ctrl+o", "escape", "escape"),
    ("f10", "enter", "enter"),
    ("f10", "f10", "escape", "escape"),
    ("alt+r", "enter", "enter"),
    ("f3", "f4", "escape", "escape"),
    ("f4", "f1", "escape", "escape", "escape"),
    ("f1", "f1", "f1", "escape", "escape"),
    ("f1", "enter", "escape", "f3", "escape", "escape", "escape"),
    ("ctrl+p", "escape", "escape", "escape"),
    ("ctrl+p", "enter", "enter", "escape"),
]


@pytest.mark.parametrize("keys", ATTACKS, ids="-".join)
@pytest.mark.every_day(6)
async def test_keys_at_once_close_no_screen_twice(keys: tuple[str, ...], tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("hello")
        at_once(screen, *keys)
        await screen.pilot.pause(0.1)
        at_once(screen, "escape", "escape", "escape", "ctrl+c")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
        at_once(screen, "here I am")
        await screen.until(lambda: screen.prompt.text.endswith("here I am"))


@pytest.mark.parametrize("keys", ATTACKS[:9], ids="-".join)
@pytest.mark.every_day(3)
async def test_a_dialog_that_is_open_stands_keys_at_once(
    keys: tuple[str, ...], tmp_path: Path
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("hello")
        await screen.press(keys[0])
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        at_once(screen, *keys[1:])
        await screen.pilot.pause(0.1)
        at_once(screen, "escape", "escape", "escape", "ctrl+c")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


async def test_what_is_typed_after_the_enter_that_opens_a_conversation_stands_at_its_prompt(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("whales sleep")
        await screen.press("ctrl+n")
        await screen.send("bees dance")
        at_once(screen, "left here", "ctrl+o", "whales", "enter", "typed at once")
        await screen.until(lambda: screen.prompt.text == "typed at once")
        session = screen.app.session
        assert session is not None
        await screen.until(lambda: begins_with(screen, "whales"))
        opened = session.conversation
        assert opened is not None
        await screen.press("ctrl+o")
        await screen.type("bees")
        await screen.press("enter")
        await screen.until(lambda: screen.prompt.text == "left here")
        draft = await session.inputs.draft(opened.id)
        assert draft.text == "typed at once"


async def talk_and_search_slowly(
    screen: Screen, monkeypatch: pytest.MonkeyPatch, *texts: str
) -> ChatSession:
    """A conversation for each text, the last one open; from then on a search takes its time."""
    for text in texts:
        await screen.press("ctrl+n")
        await screen.send(text)
    session = screen.app.session
    assert session is not None
    search = session.library.search

    async def slowly(words: str) -> tuple[Found, ...]:
        await asyncio.sleep(0.3)
        return tuple(await search(words))

    monkeypatch.setattr(session.library, "search", slowly)
    return session


async def test_enter_opens_what_a_slow_search_finds_not_what_stood_there_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await talk_and_search_slowly(screen, monkeypatch, "whales sleep", "bees dance")
        at_once(screen, "ctrl+o", "whales", "enter", "typed at once")
        await screen.until(lambda: screen.prompt.text == "typed at once")
        await screen.until(lambda: begins_with(screen, "whales"))


async def test_a_key_that_deletes_deletes_what_a_slow_search_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        session = await talk_and_search_slowly(screen, monkeypatch, "whales sleep", "bees dance")
        at_once(screen, "ctrl+o", "whales", "delete", "delete")
        await screen.sees("Deleted.")
        assert [summary.title for summary in await session.library.summaries()] == ["bees dance"]


async def test_a_letter_after_enter_is_not_lost_when_a_search_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list cannot wait for ever: keys go on, and what the first Enter asked for is taken back
    by new letters.
    """

    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("whales sleep")
        session = screen.app.session
        assert session is not None
        found = asyncio.Event()

        async def never(_words: str) -> tuple[Found, ...]:
            await found.wait()
            return ()

        monkeypatch.setattr(session.library, "search", never)
        at_once(screen, "ctrl+o", "bees", "enter", "s")
        await screen.sees("beess")
        found.set()
        await screen.sees("None of 1 has these words.")
        assert len(screen.app.screen_stack) == 2


async def test_moving_in_the_list_waits_for_a_slow_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await talk_and_search_slowly(
            screen, monkeypatch, "whales sleep", "whales sing", "bees dance"
        )
        await screen.press("ctrl+n")
        at_once(screen, "ctrl+o", "whales", "down", "enter", "typed at once")
        await screen.until(lambda: screen.prompt.text == "typed at once")
        await screen.until(lambda: begins_with(screen, "whales sleep"))


async def test_a_title_that_is_typed_at_once_is_a_title(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await talk_and_search_slowly(screen, monkeypatch, "whales sleep")
        at_once(screen, "ctrl+o", "whales", "f2", "ctrl+u", "Renamed", "enter")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        dialog = screen.app.screen
        assert isinstance(dialog, ConversationsScreen)
        await screen.until(
            lambda: dialog.list.row is not None and dialog.list.row.summary.title == "Renamed"
        )
