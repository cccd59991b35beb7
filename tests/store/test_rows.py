from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.conversation import ModeChange, Reply
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.text import storable
from modechat.store import Store
from modechat.store.database import FILE_NAME
from modechat.store.rows import time_text
from tests.store.test_conversations import STATS

if TYPE_CHECKING:
    from pathlib import Path

# Any code point, lone surrogates too.
texts = st.text(st.characters(exclude_categories=()))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def without_lone_surrogates(text: str) -> str:
    """The same by other means: pairs become the character that they encode, the others U+FFFD."""
    paired = re.sub("[\ud800-\udbff][\udc00-\udfff]", lambda pair: _joined(*pair[0]), text)
    return re.sub("[\ud800-\udfff]", "\ufffd", paired)


def _joined(high: str, low: str) -> str:
    return chr(0x10000 + ((ord(high) - 0xD800) << 10) + (ord(low) - 0xDC00))


@given(text=texts)
def test_any_text_can_be_stored_and_changes_by_its_lone_surrogates_only(text: str) -> None:
    assert storable(text) == without_lone_surrogates(text)


@given(
    title=texts,
    typed=texts,
    text=texts,
    task_input=texts,
    prefill=texts,
    answer=texts,
    standing=texts,
)
def test_every_text_of_a_conversation_comes_back(
    title: str, typed: str, text: str, task_input: str, prefill: str, answer: str, standing: str
) -> None:
    store = Store.in_memory(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    conversation_id = store.create_conversation(title, ModeState(Mode.INSTRUCT, standing)).id
    chat = store.add_turn(conversation_id, None, typed, ChatMessage(text), True)
    task = store.add_turn(conversation_id, chat.id, typed, Task(text, task_input, prefill), False)
    reply = Reply(text=storable(answer), error=storable(typed), model=storable(title))
    store.save_reply(task.id, Reply(text=answer, error=typed, model=title))
    store.add_mode_change(
        conversation_id, ModeChange(task.id, ModeState(Mode.INSTRUCT, standing), typed)
    )
    store.rename(conversation_id, title)
    state = ModeState(Mode.INSTRUCT, storable(standing))
    conversation = store.conversation(conversation_id)
    assert chat.request == ChatMessage(storable(text))
    assert task.request == Task(storable(text), storable(task_input), storable(prefill))
    assert chat.typed == task.typed == storable(typed)
    assert (conversation.title, conversation.state) == (storable(title), state)
    assert conversation.entries == (
        chat, task.with_reply(reply), ModeChange(task.id, state, storable(typed)),
    )  # fmt: skip
    store.close()


def test_sqlite_itself_refuses_a_lone_surrogate() -> None:
    """Why `storable` is there."""
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(UnicodeEncodeError):
        connection.execute("SELECT ?", ("\ud800",))


@given(st.lists(st.datetimes(datetime(1970, 1, 2), datetime(9000, 1, 1), timezones=zones)))
def test_times_sort_as_their_texts_do(moments: list[datetime]) -> None:
    in_utc = sorted(moment.astimezone(UTC) for moment in moments)
    assert sorted(map(time_text, moments)) == [time_text(moment) for moment in in_utc]


def test_figures_of_another_version_are_read_as_far_as_they_are_known(
    folder: Path, file_store: Store
) -> None:
    conversation_id = file_store.create_conversation("", ModeState()).id
    turn = file_store.add_turn(conversation_id, None, "hi", ChatMessage("hi"), True)
    figures = asdict(STATS)
    lacking = {name: figure for name, figure in figures.items() if name != "seed"}
    old_names = dict(figures)
    old_names["rung"] = old_names.pop("fallback")
    old_names["defused"] = old_names.pop("neutralised")
    for written, expected in (
        (figures | {"watts": 90}, STATS),
        (lacking, None),
        (old_names, STATS),
    ):
        with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as connection:
            connection.execute("UPDATE replies SET stats = ?", (json.dumps(written),))
        assert file_store.conversation(conversation_id).entries == (
            turn.with_reply(Reply(stats=expected)),
        )
