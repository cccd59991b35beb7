"""Adds conversations and turns to the database, and makes a branch of turns visible."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.text import storable
from modechat.store import rows
from modechat.store.failures import not_found
from modechat.store.timeline import newest_leaf

if TYPE_CHECKING:
    import sqlite3

    from modechat.domain.conversation import Turn
    from modechat.domain.mode import ModeState
    from modechat.domain.modes import ChatMessage, Task

_ADD_CONVERSATION = """
INSERT INTO conversations (title, created_at, updated_at, mode, standing, task)
VALUES (:title, :now, :now, :mode, :standing, :task)
"""
_ADD_TURN = """
INSERT INTO turns (
    conversation_id, parent_id, created_at, mode, in_chat, typed, text, input, prefill, task
) VALUES (
    :conversation_id, :parent_id, :now, :mode, :in_chat, :typed, :text, :input, :prefill, :task
)
"""
_SHOW_TURN = """
UPDATE conversations SET head_id = :head_id, updated_at = :now WHERE id = :conversation_id
"""
_SET_HEAD = """
UPDATE conversations SET head_id = :head_id
WHERE id = (SELECT conversation_id FROM turns WHERE id = :head_id)
"""


def add_conversation(connection: sqlite3.Connection, title: str, state: ModeState, now: str) -> int:
    """Add a conversation without turns, and return its id."""
    columns = {"title": storable(title), "now": now, **rows.state_columns(state)}
    return _insert(connection, _ADD_CONVERSATION, columns)


def add_turn(
    connection: sqlite3.Connection,
    conversation_id: int,
    parent_id: int | None,
    typed: str,
    request: ChatMessage | Task,
    in_chat: bool,
    now: str,
) -> Turn:
    """Add a turn that waits for its reply, below `parent_id` (None: a root), and show it."""
    columns = {
        "conversation_id": conversation_id,
        "parent_id": parent_id,
        "now": now,
        "in_chat": in_chat,
        "typed": storable(typed),
        **rows.request_columns(request),
    }
    turn_id = _insert(connection, _ADD_TURN, columns)
    connection.execute("INSERT INTO replies (turn_id) VALUES (?)", (turn_id,))
    names = {"head_id": turn_id, "now": now, "conversation_id": conversation_id}
    connection.execute(_SHOW_TURN, names)
    row = connection.execute(f"{rows.SELECT_TURNS} WHERE turns.id = ?", (turn_id,)).fetchone()
    return rows.read_turn(row)


def select(connection: sqlite3.Connection, turn_id: int) -> None:
    """Show the branch of this turn, down to its newest leaf. Raises StoreError if there is none."""
    leaf_id = newest_leaf(connection, turn_id)
    if leaf_id is None:
        raise not_found("turn", turn_id)
    connection.execute(_SET_HEAD, {"head_id": leaf_id})


def _insert(connection: sqlite3.Connection, sql: str, columns: rows.Columns) -> int:
    """Insert a row and return its id."""
    row_id = connection.execute(sql, columns).lastrowid
    assert row_id is not None
    return row_id
