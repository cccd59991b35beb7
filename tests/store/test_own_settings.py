"""What a conversation has of its own among the settings: kept with it, and read again by other
versions.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from modechat.domain.mode import ModeState
from modechat.domain.own_settings import OwnSettings, read_own, written
from modechat.domain.sampling import Sampling
from modechat.errors import StoreError
from modechat.store import Store
from modechat.store.database import FILE_NAME

OWN = OwnSettings(
    sampling=Sampling(temperature=0.2, stop=("\n###", "“”")),
    chat_system="Be\nbrief.",
    instruct_system="",
    format="alpaca",
)


def test_they_come_back_with_the_conversation(store: Store) -> None:
    conversation = store.create_conversation("", ModeState())
    assert conversation.own is None
    store.set_own(conversation.id, OWN)
    assert store.conversation(conversation.id).own == OWN
    store.set_own(conversation.id, OwnSettings())
    assert store.conversation(conversation.id).own is None


def test_text_that_utf_8_cannot_hold_is_replaced(store: Store) -> None:
    conversation = store.create_conversation("", ModeState())
    store.set_own(conversation.id, OwnSettings().model_copy(update={"chat_system": "a\ud800b"}))
    assert store.conversation(conversation.id).own == OwnSettings(chat_system="a\ufffdb")


def test_there_are_none_of_a_conversation_that_is_gone(store: Store) -> None:
    with pytest.raises(StoreError):
        store.set_own(99, OWN)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "5", "[" * 100_000])
def test_what_cannot_be_read_counts_as_none(text: str) -> None:
    assert read_own(text) == OwnSettings()


def test_what_another_version_wrote_is_taken_as_far_as_it_is_understood() -> None:
    text = '{"chat_system": "Hi", "mood": 1, "sampling": {"temperature": 99, "top_k": 5, "typical": 1}, "format": 7}'
    assert read_own(text) == OwnSettings(chat_system="Hi", sampling=Sampling(top_k=5))


def test_nothing_is_written_for_nothing() -> None:
    assert written(OwnSettings()) is None
    assert read_own(written(OWN)) == OWN


def test_a_conversation_opens_whatever_stands_there(file_store: Store, folder: Path) -> None:
    conversation = file_store.create_conversation("kept", ModeState())
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("UPDATE conversations SET settings = '{\"sampling\": []}'")
    connection.close()
    assert file_store.conversation(conversation.id).own == OwnSettings()
