"""What was sent and what was not are kept, privately and within bounds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from modechat.domain.mode import ModeState
from modechat.domain.typed import Typed
from modechat.store import Store, inputs
from modechat.store.database import FILE_NAME


def texts(store: Store) -> list[str]:
    return [entry.text for entry in store.inputs.sent()]


def test_what_was_sent_comes_back_newest_first_with_its_folds(store: Store) -> None:
    store.inputs.add(Typed("one"))
    store.inputs.add(Typed("see: long text", ((5, 14),)))
    assert store.inputs.sent() == (Typed("see: long text", ((5, 14),)), Typed("one"))


def test_what_was_sent_twice_in_a_row_is_kept_once(store: Store) -> None:
    for text in ("one", "two", "two", "one"):
        store.inputs.add(Typed(text))
    assert texts(store) == ["one", "two", "one"]


def test_the_oldest_make_way(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MOST_ENTRIES", 3)
    for number in range(10):
        store.inputs.add(Typed(str(number)))
    assert texts(store) == ["9", "8", "7"]
    monkeypatch.setattr(inputs, "MOST_CHARACTERS", 10)
    store.inputs.add(Typed("12345678"))
    assert texts(store) == ["12345678", "9", "8"]
    store.inputs.add(Typed("x" * 100))
    assert texts(store) == ["x" * 100]


def test_each_conversation_has_a_draft_and_so_has_a_new_one(store: Store) -> None:
    first = store.create_conversation("", ModeState()).id
    second = store.create_conversation("", ModeState()).id
    store.inputs.save_draft(None, Typed("new"))
    store.inputs.save_draft(first, Typed("of the first", ((0, 2),)))
    assert store.inputs.draft(None) == Typed("new")
    assert store.inputs.draft(first) == Typed("of the first", ((0, 2),))
    assert store.inputs.draft(second) == Typed()
    store.inputs.save_draft(None, Typed("newer"))
    store.inputs.save_draft(first, Typed())
    assert store.inputs.draft(None) == Typed("newer")
    assert store.inputs.draft(first) == Typed()


def test_what_was_sent_goes_with_its_conversation(store: Store) -> None:
    number = store.create_conversation("", ModeState()).id
    store.inputs.add(Typed("/help"))
    store.inputs.add(Typed("hello"), number)
    store.delete(number)
    assert texts(store) == ["/help"]


def test_a_draft_goes_with_its_conversation(file_store: Store, folder: Path) -> None:
    number = file_store.create_conversation("", ModeState()).id
    file_store.inputs.save_draft(number, Typed("secret words"))
    file_store.delete(number)
    file_store.inputs.save_draft(number, Typed("secret words"))
    assert file_store.inputs.draft(number) == Typed()
    file_store.close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        assert connection.execute("SELECT count(*) FROM drafts").fetchone() == (0,)
    assert b"secret words" not in (folder / FILE_NAME).read_bytes()


def test_text_that_no_terminal_should_have_sent_is_kept_as_far_as_can_be(store: Store) -> None:
    store.inputs.add(Typed("a\ud800\x00b", ((1, 3),)))
    assert store.inputs.sent() == (Typed("a�\x00b", ((1, 3),)),)
    store.inputs.add(Typed("\ud83d\ude00", ((0, 2),)))
    assert store.inputs.sent()[0] == Typed("\U0001f600")
