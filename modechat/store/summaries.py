"""Reads the line that a list shows for each conversation, without reading all its texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modechat.domain.listing import ConversationSummary
from modechat.domain.text import sanitize_line, shortened
from modechat.store import rows
from modechat.store.schema import Damaged

if TYPE_CHECKING:
    import sqlite3

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_PREVIEW_WIDTH = 80
_PREVIEW_READ = 4 * _PREVIEW_WIDTH
"""Characters to read for a preview, before white space is folded."""

_SUMMARIES = """
WITH RECURSIVE listed AS (
    SELECT id, title, updated_at, head_id FROM conversations
    ORDER BY updated_at DESC, id DESC LIMIT :limit
), path(conversation_id, turn_id) AS (
    SELECT id, head_id FROM listed WHERE head_id IS NOT NULL
    UNION  -- not UNION ALL: a damaged tree may lead back to itself
    SELECT path.conversation_id, turns.parent_id FROM path
    JOIN turns ON turns.id = path.turn_id
    WHERE turns.parent_id IS NOT NULL
), counted AS (
    SELECT path.conversation_id, count(*) AS turn_count,
           sum(turns.mode = 'instruct') AS instruct_count
    FROM path JOIN turns ON turns.id = path.turn_id GROUP BY path.conversation_id
)
SELECT listed.id, CAST(listed.title AS TEXT) AS title, listed.updated_at,
       coalesce(counted.turn_count, 0) AS turn_count,
       coalesce(counted.instruct_count, 0) AS instruct_count,
       CAST(substr(coalesce(nullif(replies.text, ''), turns.typed, ''), 1, :read) AS TEXT) AS said
FROM listed
LEFT JOIN counted ON counted.conversation_id = listed.id
LEFT JOIN turns ON turns.id = listed.head_id
LEFT JOIN replies ON replies.turn_id = listed.head_id
ORDER BY listed.updated_at DESC, listed.id DESC
"""


def read_summaries(connection: sqlite3.Connection, limit: int) -> tuple[ConversationSummary, ...]:
    """Return the `limit` conversations that were updated last, newest first.

    A damaged conversation is listed as well as possible; opening it says what is wrong.
    """
    found = connection.execute(_SUMMARIES, {"limit": limit, "read": _PREVIEW_READ})
    return tuple(map(_read_summary, found))


def _read_summary(row: sqlite3.Row) -> ConversationSummary:
    return ConversationSummary(
        id=row["id"],
        title=row["title"],
        updated_at=_read_time(row["updated_at"]),
        turn_count=row["turn_count"],
        preview=shortened(sanitize_line(row["said"]), _PREVIEW_WIDTH),
        instruct_count=row["instruct_count"],
    )


def _read_time(value: object) -> datetime:
    try:
        return rows.read_time(value)
    except Damaged:
        return _LONG_AGO
