"""The list of conversations: search, preview, renaming, deleting."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.store import Store
from modechat.store.database import FILE_NAME
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.screens.conversations import ConversationsScreen
from tests.session.harness import Clock
from tests.tui.harness import Screen, running_app
from tests.tui.test_order import Slow, session_of, type_lines

HOSTILE = "[/x] [@click=app.quit]x[/] \x1b[31mred\x1b]0;T\x07 \u202egnp"


def fill(folder: Path, *talks: tuple[str, str, str]) -> None:
    """A conversation for each title, message and reply; the last one is the newest."""
    store = Store.open(folder, Clock())
    for title, said, answered in talks:
        conversation = store.create_conversation(title, ModeState())
        turn = store.add_turn(conversation.id, None, said, ChatMessage(said), in_chat=True)
        store.save_reply(turn.id, Reply(text=answered, state=ReplyState.COMPLETE))
    store.close()


ANIMALS = (
    ("Whales", "How do whales sleep?", "With one half of their brain."),
    ("Bees", "How do bees talk?", "They dance."),
    ("Cats", "Why do cats purr?", "Nobody knows for sure."),
)


def listed(screen: Screen) -> list[str]:
    dialog = screen.app.screen
    assert isinstance(dialog, ConversationsScreen)
    return [row.summary.title for row in dialog.list.rows]


async def opened(screen: Screen, count: str) -> None:
    await screen.settled()
    await screen.press("ctrl+o")
    await screen.sees(count)


async def test_typing_finds_titles_and_everything_that_was_said(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path, size=(120, 40)) as screen:
        await opened(screen, "3 conversations")
        assert listed(screen) == ["Cats", "Bees", "Whales"]
        await screen.type("danc")
        await screen.until(lambda: listed(screen) == ["Bees"])
        await screen.sees("1 conversation of 3")
        await screen.sees("They dance.")  # in the preview
        for _ in range(4):
            await screen.press("backspace")
        await screen.type("whale")
        await screen.until(lambda: listed(screen) == ["Whales"])
        await screen.type("q")
        await screen.sees("None of 3 has these words.")
        await screen.press("backspace", "enter")
        await screen.until(lambda: screen.replies == ["With one half of their brain."])


async def test_a_search_that_the_store_refuses_says_so_and_still_finds_titles(
    tmp_path: Path,
) -> None:
    fill(tmp_path, *ANIMALS)
    async with running_app(tmp_path, size=(120, 40)) as screen:
        await opened(screen, "3 conversations")
        with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
            connection.execute("DROP TABLE turn_texts")
        await screen.type("bees")
        await screen.until(lambda: listed(screen) == ["Bees"])
        dialog = screen.app.screen
        assert isinstance(dialog, ConversationsScreen)
        await screen.until(lambda: dialog.said.has_class("-trouble"))
        assert "1 conversation of 3" not in screen.text


async def test_the_preview_follows_the_highlight_where_there_is_room(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    for size in ((120, 40), (80, 24)):
        async with running_app(tmp_path, size=size) as screen:
            await opened(screen, "3 conversations")
            await screen.sees("Nobody knows for sure.")
            await screen.press("down")
            await screen.sees("They dance.")
    async with running_app(tmp_path, size=(40, 15)) as screen:
        await opened(screen, "3 conversations")
        assert "Nobody knows" not in screen.text


async def test_a_conversation_gets_another_title(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        await screen.press("f2")
        await screen.sees("Enter keeps the title")
        await screen.press("end", "delete")
        await screen.type("!")
        await screen.press("enter")
        await screen.until(lambda: listed(screen) == ["Cats!", "Bees", "Whales"])
        await screen.press("down", "f2")
        await screen.type(" or not")
        await screen.press("escape")
        await screen.until(lambda: listed(screen) == ["Cats!", "Bees", "Whales"])
        await screen.press("escape")
        session = screen.app.session
        assert session is not None
        assert session.conversation is not None
        assert session.conversation.title == "Cats!"
        assert [one.title for one in await session.library.summaries()] == [
            "Cats!",
            "Bees",
            "Whales",
        ]


async def test_deleting_asks_twice_and_moving_calls_it_off(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        await screen.press("down", "delete")
        await screen.sees("Delete “Bees”? Press the key again.")
        await screen.press("down", "delete")
        await screen.sees("Delete “Whales”? Press the key again.")
        await screen.press("delete")
        await screen.sees("Deleted.")
        assert listed(screen) == ["Cats", "Bees"]
        await screen.press("ctrl+o")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


async def test_whatever_is_done_between_the_two_keys_calls_the_deletion_off(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        await screen.press("delete")
        await screen.sees("Delete “Cats”? Press the key again.")
        await screen.press("f2", "escape", "delete")
        await screen.sees("Delete “Cats”? Press the key again.")
        await screen.type("c")
        await screen.until(lambda: "Press the key again" not in screen.text)
        assert "Del again" not in screen.text
        await screen.press("delete")
        await screen.sees("Delete “Cats”? Press the key again.")
        assert "Cats" in listed(screen)


async def test_one_that_is_open_elsewhere_cannot_be_deleted(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)
    other = Store.open(tmp_path, Clock())
    other.lock(1)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        await screen.press("ctrl+end", "delete", "delete")
        await screen.sees("This conversation is open in another modechat")
        assert len(listed(screen)) == 3
    other.close()


async def test_numbers_are_shown_and_escape_takes_only_the_pending_deletion_back(
    tmp_path: Path,
) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        assert "No." in screen.text
        await screen.sees("/open 3")
        await screen.press("down", "delete")
        await screen.sees("Delete “Bees”? Press the key again.")
        await screen.press("escape")
        await screen.until(lambda: "Press the key again" not in screen.text)
        assert len(listed(screen)) == 3
        assert len(screen.app.screen_stack) == 2
        await screen.press("escape")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


async def test_what_was_deleted_cannot_be_called_back(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.settled()
        await screen.send("keep this")
        await screen.send("my secret")
        session = screen.app.session
        assert session is not None
        turn = session.conversation.last_turn if session.conversation is not None else None
        assert turn is not None
        await session.turns.delete(turn.id)
        await screen.until(
            lambda: [entry.text for entry in screen.prompt.recall.entries] == ["keep this"]
        )


async def test_both_modes_are_marked(tmp_path: Path) -> None:
    store = Store.open(tmp_path, Clock())
    conversation = store.create_conversation("Mixed", ModeState())
    turn = store.add_turn(conversation.id, None, "hi", ChatMessage("hi"), in_chat=True)
    store.add_turn(conversation.id, turn.id, "do", Task("do"), in_chat=False)
    store.close()

    async with running_app(tmp_path) as screen:
        await opened(screen, "1 conversation")
        await screen.sees("❯»  Mixed")


async def test_titles_and_texts_that_look_like_markup_are_text(tmp_path: Path) -> None:
    fill(tmp_path, (HOSTILE, HOSTILE, HOSTILE), ("x" * 100_000, "y" * 100_000, "z" * 100_000))

    async with running_app(tmp_path, size=(120, 40)) as screen:
        await opened(screen, "2 conversations")
        await screen.press("down")
        await screen.sees("[/x] [@click=app.quit]x[/] ␛[31mred")
        await screen.type("[/x]")
        await screen.until(lambda: len(listed(screen)) == 1)
        assert "\x1b" not in screen.text
        assert "\u202e" not in screen.text
        await screen.press("delete", "f2")
        await screen.sees("Enter keeps the title")
        await screen.press("enter", "escape")


async def test_the_mouse_highlights_and_opens(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        dialog = screen.app.screen
        assert isinstance(dialog, ConversationsScreen)
        await screen.pilot.click(dialog.list, offset=(10, 2))
        await screen.sees("They dance.")
        await screen.pilot.click(dialog.list, offset=(10, 2))
        await screen.until(lambda: screen.replies == ["They dance."])


async def test_letters_typed_on_the_list_belong_to_the_search(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path) as screen:
        await opened(screen, "3 conversations")
        await screen.press("tab")
        dialog = screen.app.screen
        assert isinstance(dialog, ConversationsScreen)
        assert dialog.focused is dialog.list
        await screen.type("bees")
        await screen.until(lambda: listed(screen) == ["Bees"])


@pytest.mark.parametrize("size", [(30, 10), (40, 15), (300, 100)])
async def test_it_has_room_in_every_window(tmp_path: Path, size: tuple[int, int]) -> None:
    fill(tmp_path, *ANIMALS)

    async with running_app(tmp_path, size=size) as screen:
        await opened(screen, "3 conversations")
        await screen.sees("Whales")


def talk(folder: Path, count: int) -> None:
    """A long conversation about whales, with one turn about bees near its beginning, and one about
    cats.
    """
    store = Store.open(folder, Clock())
    conversation = store.create_conversation("Animals", ModeState())
    before = None
    for number in range(count):
        said = "How do bees talk?" if number == 3 else f"Tell me fact {number} about whales"
        turn = store.add_turn(conversation.id, before, said, ChatMessage(said), in_chat=True)
        store.save_reply(turn.id, Reply(text="They sing.\n\n" * 5, state=ReplyState.COMPLETE))
        before = turn.id
    store.close()
    fill(folder, ("Cats", "Why do cats purr?", "Nobody knows."))


async def test_what_was_searched_for_is_opened_where_it_was_said(tmp_path: Path) -> None:
    talk(tmp_path, 60)

    async with running_app(tmp_path) as screen:
        for _ in range(2):  # from another conversation, and when it is open already
            await screen.settled()
            await screen.press("ctrl+o")
            await screen.type("bees")
            await screen.sees("1 conversation of 2")
            await screen.press("enter")
            await screen.until(lambda: len(screen.app.screen_stack) == 1)
            await screen.sees("How do bees talk?")
            assert "fact 59" not in screen.text
            await screen.press("escape", "ctrl+end")
            await screen.sees("fact 59")
        await screen.press("ctrl+o")
        await screen.sees("2 conversations")
        await screen.press("down", "enter")  # not searched for: at its end, as ever


async def test_what_was_said_in_another_variant_is_shown_with_its_branch(tmp_path: Path) -> None:
    replies = iter(("The zebra is striped.", "The giraffe is tall.", "More."))

    async with running_app(tmp_path, lambda _request: next(replies)) as screen:
        await screen.send("An animal, please")
        await screen.press("ctrl+r")
        await screen.settled()
        assert screen.replies == ["The giraffe is tall."]
        await screen.send("And?")
        await screen.press("ctrl+o")
        await screen.type("zebra")
        await screen.sees("1 conversation")
        await screen.press("enter")
        await screen.until(lambda: screen.replies == ["The zebra is striped."])


@pytest.mark.parametrize("attempt", range(3))
@pytest.mark.every_day(1)
async def test_a_hit_in_another_variant_of_a_long_conversation_is_shown_right_after_opening_it(
    attempt: int,  # noqa: ARG001 - it depends on the moment
    tmp_path: Path,
) -> None:
    store = Store.open(tmp_path, Clock())
    conversation = store.create_conversation("Long", ModeState())

    def add(parent: int | None, said: str, answered: str) -> int:
        turn = store.add_turn(conversation.id, parent, said, ChatMessage(said), in_chat=True)
        store.save_reply(turn.id, Reply(text=answered, state=ReplyState.COMPLETE))
        return turn.id

    first = add(None, "Begin", "Yes.")
    add(add(first, "Tell me of whales", "They sing."), "And others?", "The pangolin is shy.")
    last = add(first, "Tell me of bees", "They dance.")
    for number in range(40):
        last = add(last, f"filler {number}", "Fine.\n\n" * 3)
    store.close()
    fill(tmp_path, ("Newest", "Hello", "Hi."))

    async with running_app(tmp_path) as screen:
        await screen.settled()
        await screen.press("ctrl+o")
        await screen.type("pangolin")
        await screen.sees("1 conversation of 2")
        await screen.press("enter")
        await screen.sees("The pangolin is shy.")
        await screen.type("still here")
        await screen.sees("still here")


async def test_a_deletion_comes_after_what_was_asked_for_before(tmp_path: Path) -> None:
    fill(tmp_path, *ANIMALS)
    async with running_app(tmp_path) as screen:
        await screen.settled()
        slow = Slow(screen)
        await type_lines(screen, "One more")
        await screen.press("ctrl+o")
        await screen.sees("3 conversations")
        await screen.press("delete", "delete")
        await screen.sees("Deleting …")
        assert listed(screen) == ["Cats", "Bees", "Whales"]
        slow.end()
        await screen.sees("Deleted.")
        assert listed(screen) == ["Bees", "Whales"]
        session = session_of(screen)
        assert session.conversation_id is None  # the message went to the deleted conversation
        await screen.until(lambda: not session.is_busy)


async def test_what_is_at_the_prompt_stays_there_when_its_conversation_is_deleted(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("first message")
        await screen.type("my unsent text")
        await screen.press("ctrl+o")
        await screen.sees("1 conversation")
        await screen.press("delete", "delete")
        await screen.sees("Deleted.")
        await screen.press("escape")
        await screen.until(lambda: screen.prompt.text == "my unsent text")
        chat = screen.app.screen_stack[0]
        assert isinstance(chat, ChatScreen)
        await chat.finish()
    async with running_app(tmp_path) as screen:
        await screen.until(lambda: screen.prompt.text == "my unsent text")


async def test_what_was_typed_after_the_command_that_deletes_its_conversation_stays_there(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("first message")
        await type_lines(screen, "/delete 1")
        await screen.sees("once more")
        slow = Slow(screen)
        await screen.press("enter")
        await screen.type("typed since")
        slow.end()
        await screen.sees("is deleted.")
        assert screen.prompt.text == "typed since"
