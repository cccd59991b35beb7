"""Finding conversations by what was said, and the index behind it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.store import Store
from modechat.store.database import FILE_NAME
from modechat.store.schema import MIGRATIONS, migrate
from modechat.store.search import words_of


def add(
    store: Store,
    said: str,
    answered: str = "",
    *,
    title: str = "",
    parent: tuple[int, int] | None = None,
) -> int:
    """The conversation that has the turn: a new one, or that of `parent`."""
    conversation_id = parent[0] if parent else store.create_conversation(title, ModeState()).id
    turn = store.add_turn(
        conversation_id, parent[1] if parent else None, said, ChatMessage(said), in_chat=True
    )
    if answered:
        store.save_reply(turn.id, Reply(text=answered, state=ReplyState.COMPLETE))
    return conversation_id


def ids(store: Store, text: str) -> set[int]:
    return {found.conversation_id for found in store.search(text)}


def test_messages_and_replies_are_found(store: Store) -> None:
    first = add(store, "How do whales sleep?", "With one half of their brain.")
    second = add(store, "And dolphins?")
    assert ids(store, "whales") == {first}
    assert ids(store, "brain") == {first}
    assert ids(store, "dolphins") == {second}
    assert ids(store, "sharks") == set()


def test_words_may_be_unfinished_and_of_any_case_and_without_accents(store: Store) -> None:
    found = add(store, "Où est le CAFÉ?")
    assert (
        ids(store, "caf")
        == ids(store, "cafe")
        == ids(store, "Café")
        == ids(store, "ou es")
        == {found}
    )


def test_all_words_must_stand_in_one_text(store: Store) -> None:
    both = add(store, "red and blue")
    add(store, "red", "blue")
    assert ids(store, "blue red") == {both}


def test_scripts_without_spaces_are_found_in_the_middle(store: Store) -> None:
    chinese = add(store, "今天天气很好")
    thai = add(store, "สวัสดีครับ")
    assert ids(store, "天气") == {chinese}
    assert ids(store, "ครับ") == {thai}


@pytest.mark.parametrize(
    "text",
    ["", "   ", '"', "*", "AND OR NOT", "(", "a:b", "^", "NEAR(", "-x", "\x00", "\ud800", "'; --"],
)
def test_whatever_is_typed_is_a_search_for_words(store: Store, text: str) -> None:
    add(store, "something else")
    assert ids(store, text) == set()


@given(st.text(max_size=40))
def test_no_text_makes_the_search_fail(text: str) -> None:
    from datetime import UTC, datetime

    store = Store.in_memory(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    try:
        found = add(store, text)
        if words_of(text):
            assert (
                found in ids(store, text)
                or any(character.isspace() for character in text)
                or len(text) > 1
            )
    finally:
        store.close()


def test_what_was_found_is_shown_around_the_word_and_safe(store: Store) -> None:
    add(store, "x " * 100 + "here \x1b[31m needle\nand more")
    (found,) = store.search("needle")
    assert "needle" in found.excerpt
    assert "\x1b" not in found.excerpt
    assert len(found.excerpt) <= 160


def test_a_reply_is_found_once_it_is_final(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    turn = store.add_turn(conversation_id, None, "go", ChatMessage("go"), in_chat=True)
    store.save_reply(turn.id, Reply(text="unfinished", state=ReplyState.STREAMING))
    assert ids(store, "unfinished") == set()
    store.mark_interrupted(conversation_id)
    assert ids(store, "unfinished") == {conversation_id}


def test_a_reply_that_goes_on_is_found_by_its_new_text_alone(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    turn = store.add_turn(conversation_id, None, "go", ChatMessage("go"), in_chat=True)
    store.save_reply(turn.id, Reply(text="first words", state=ReplyState.STOPPED))
    store.save_reply(turn.id, Reply(text="first words", state=ReplyState.STREAMING))
    store.save_reply(turn.id, Reply(text="other words", state=ReplyState.COMPLETE))
    assert ids(store, "first") == set()
    assert ids(store, "other") == {conversation_id}


def test_tasks_are_found_by_instruction_and_input_as_they_were_typed(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    task = Task("Translate", "umbrella")
    store.add_turn(
        conversation_id, None, "### Instruction Translate\n### Input umbrella", task, in_chat=False
    )
    assert ids(store, "umbrella") == {conversation_id}


def test_what_was_deleted_is_not_found_and_leaves_no_word_on_disk(
    file_store: Store, folder: Path
) -> None:
    gone = add(file_store, "zyzzyvaword", "quixoticword")
    kept = add(file_store, "kept", "kept")
    file_store.delete(gone)
    assert ids(file_store, "zyzzyvaword") == ids(file_store, "quixoticword") == set()
    assert ids(file_store, "kept") == {kept}
    file_store.close()
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    data = (folder / FILE_NAME).read_bytes()
    assert b"zyzzyvaword" not in data
    assert b"quixoticword" not in data


def test_the_newest_turn_with_the_words_is_named(store: Store) -> None:
    conversation_id = add(store, "word")
    first = store.conversation(conversation_id).turns[0]
    add(store, "word again", parent=(conversation_id, first.id))
    (found,) = store.search("word")
    assert found.turn_id == store.conversation(conversation_id).turns[1].id


def test_conversations_of_the_version_before_are_found_after_the_migration(
    folder: Path, file_store: Store
) -> None:
    file_store.close()
    (folder / FILE_NAME).unlink()
    connection = sqlite3.connect(folder / FILE_NAME, isolation_level=None)
    migrate(connection, MIGRATIONS[:3])
    connection.execute(
        "INSERT INTO conversations (id, title, created_at, updated_at, mode) VALUES (1, 'A', :now, :now, 'chat')",
        {"now": "2026-01-01T00:00:00+00:00"},
    )
    for turn_id, state in ((1, "complete"), (2, "streaming")):
        connection.execute(
            "INSERT INTO turns (id, conversation_id, created_at, mode, in_chat, typed, text, input, prefill) "
            "VALUES (?, 1, '2026-01-01T00:00:00+00:00', 'chat', 1, 'asked', 'asked', '', '')",
            (turn_id,),
        )
        connection.execute(
            "INSERT INTO replies (turn_id, state, text) VALUES (?, ?, ?)",
            (turn_id, state, f"old{state}"),
        )
    connection.execute("UPDATE conversations SET head_id = 1")
    connection.close()
    store = Store.open(folder, lambda: None)  # type: ignore[arg-type, return-value] # nothing is written
    try:
        assert ids(store, "asked") == ids(store, "oldcomplete") == {1}
        assert ids(store, "oldstreaming") == set()
        assert store.conversation(1).own is None
        store.mark_interrupted(1)
        assert ids(store, "oldstreaming") == {1}
        store.delete(1)
        assert ids(store, "asked") == set()
    finally:
        store.close()


# The look into one


def test_the_preview_has_the_last_turns_or_those_up_to_one(store: Store) -> None:
    conversation_id = add(store, "turn 0", "reply 0")
    for number in range(1, 10):
        last = store.conversation(conversation_id).last_turn
        assert last is not None
        add(store, f"turn {number}", f"reply {number}", parent=(conversation_id, last.id))
    assert [turn.said for turn in store.preview(conversation_id)] == [
        f"turn {n}" for n in range(6, 10)
    ]
    third = store.conversation(conversation_id).turns[2]
    assert [turn.answered for turn in store.preview(conversation_id, third.id)] == [
        "reply 0",
        "reply 1",
        "reply 2",
    ]


def test_a_long_message_is_cut_in_the_preview(store: Store) -> None:
    (turn,) = store.preview(add(store, "x" * 100_000))
    assert len(turn.said) == 600


def test_the_preview_of_what_is_gone_is_empty(store: Store) -> None:
    assert store.preview(99) == ()
