"""Reads the last turns of a conversation, cut short, to show beside a list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.listing import TurnExcerpt
from modechat.store import rows

if TYPE_CHECKING:
    import sqlite3

_TURNS = """
WITH RECURSIVE path(id, number) AS (
    SELECT coalesce(:turn_id, head_id), 1 FROM conversations WHERE id = :id
    UNION ALL  -- a path that leads back to itself ends by its number
    SELECT turns.parent_id, path.number + 1 FROM path JOIN turns ON turns.id = path.id
    WHERE path.number < :count
)
SELECT turns.mode, CAST(substr(turns.typed, 1, :longest) AS TEXT) AS said,
       CAST(substr(replies.text, 1, :longest) AS TEXT) AS answered
FROM turns JOIN replies ON replies.turn_id = turns.id
WHERE turns.conversation_id = :id AND turns.id IN (SELECT id FROM path) ORDER BY turns.id
"""
_COUNT = 4
_MAX_CHARACTERS = 600


def read_preview(
    connection: sqlite3.Connection, conversation_id: int, turn_id: int | None
) -> tuple[TurnExcerpt, ...]:
    """Return the last turns up to `turn_id`, or up to the end; oldest first.

    There are none if the conversation is gone.
    """
    names = {"id": conversation_id, "turn_id": turn_id, "count": _COUNT, "longest": _MAX_CHARACTERS}
    return tuple(map(_read_excerpt, connection.execute(_TURNS, names)))


def _read_excerpt(row: sqlite3.Row) -> TurnExcerpt:
    return TurnExcerpt(rows.read_mode(row["mode"]), row["said"] or "", row["answered"] or "")
