"""Reads the tree of a conversation's turns, and the visible path in it from the root to the head.

A change of mode is visible if the turn before it is. Ids grow along every path (schema.py), so the
order of ids is the order of a path, and the newest turn of a subtree is a leaf. In a damaged tree a
path may lead back to itself: UNION ends it there, while UNION ALL would go on for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.conversation import Conversation
from modechat.domain.own_settings import read_own
from modechat.store import rows
from modechat.store.failures import ConversationDamaged, not_found
from modechat.store.schema import Damaged

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime

    from modechat.domain.conversation import ContextCut, Entry, ModeChange

_SELECT_CONVERSATION = """
SELECT id, title, created_at, mode, standing, task, settings, head_id
FROM conversations WHERE id = ?
"""
_PATH = """
WITH RECURSIVE path(id) AS (
    SELECT head_id FROM conversations WHERE id = ?
    UNION
    SELECT turns.parent_id FROM path JOIN turns ON turns.id = path.id
)
"""
_VISIBLE_TURNS = f"""
{_PATH}
{rows.SELECT_TURNS}
WHERE turns.id IN (SELECT id FROM path) AND turns.conversation_id = ?
ORDER BY turns.id
"""
_MODE_CHANGES = """
SELECT after_turn_id, mode, standing, task, typed FROM mode_changes
WHERE conversation_id = ? ORDER BY id
"""

_CUT = f"""
{_PATH}
SELECT after_turn_id, left_turn_id, summary FROM context_cuts
WHERE conversation_id = ? AND after_turn_id IN (SELECT id FROM path)
ORDER BY left_turn_id DESC, id DESC LIMIT 1
"""

_NEWEST_LEAF = """
WITH RECURSIVE below(conversation_id, id) AS (
    SELECT conversation_id, id FROM turns WHERE id = ?
    UNION
    SELECT turns.conversation_id, turns.id FROM below
    JOIN turns ON turns.conversation_id = below.conversation_id AND turns.parent_id = below.id
)
SELECT max(id) FROM below
"""
_VARIANTS = """
SELECT variant.id FROM turns
JOIN turns AS variant
    ON variant.conversation_id = turns.conversation_id AND variant.parent_id IS turns.parent_id
WHERE turns.id = ? ORDER BY variant.id
"""


def read_conversation(connection: sqlite3.Connection, conversation_id: int) -> Conversation:
    """Return the conversation with its visible entries.

    Raises StoreError if there is none, ConversationDamaged if it cannot be read.
    """
    row = connection.execute(_SELECT_CONVERSATION, (conversation_id,)).fetchone()
    if row is None:
        raise not_found("conversation", conversation_id)
    try:
        own = None
        if row["settings"] is not None:
            own = read_own(rows.read_text(row["settings"]))
        return Conversation(
            id=row["id"],
            title=rows.read_text(row["title"]),
            created_at=rows.read_time(row["created_at"]),
            state=rows.read_state(row),
            entries=_visible_entries(connection, conversation_id, row["head_id"]),
            cut=_cut_in_effect(connection, conversation_id),
            own=own,
        )
    except Damaged as error:
        raise ConversationDamaged(conversation_id, error) from error


def read_started_at(connection: sqlite3.Connection, conversation_id: int) -> datetime | None:
    """Return when the conversation began; None if that cannot be read.

    Raises StoreError if there is no such conversation.
    """
    sql = "SELECT created_at FROM conversations WHERE id = ?"
    row = connection.execute(sql, (conversation_id,)).fetchone()
    if row is None:
        raise not_found("conversation", conversation_id)
    try:
        return rows.read_time(row["created_at"])
    except Damaged:
        return None


def _visible_entries(
    connection: sqlite3.Connection, conversation_id: int, head_id: object
) -> tuple[Entry, ...]:
    """Return the entries on the path to the turn `head_id`, oldest first; None: there is no turn.

    Raises Damaged for damaged rows, and for a gap in the path.
    """
    changes: dict[int | None, list[ModeChange]] = {}
    for row in connection.execute(_MODE_CHANGES, (conversation_id,)):
        change = rows.read_mode_change(row)
        changes.setdefault(change.after_turn_id, []).append(change)
    entries: list[Entry] = list(changes.get(None, ()))
    before: int | None = None
    for row in connection.execute(_VISIBLE_TURNS, (conversation_id, conversation_id)):
        turn = rows.read_turn(row)
        if turn.parent_id != before:
            raise Damaged(f"turn {turn.id} does not follow the one before it")
        before = turn.id
        entries += [turn, *changes.get(turn.id, ())]
    if before != head_id:
        raise Damaged("its last turn is missing")
    return tuple(entries)


def _cut_in_effect(connection: sqlite3.Connection, conversation_id: int) -> ContextCut | None:
    """Return the last context cut on the visible path; None if nothing was cut."""
    row = connection.execute(_CUT, (conversation_id, conversation_id)).fetchone()
    return None if row is None else rows.read_cut(row)


def newest_leaf(connection: sqlite3.Connection, turn_id: int) -> int | None:
    """Return the newest leaf at or below a turn; None if there is no such turn."""
    leaf_id: int | None = connection.execute(_NEWEST_LEAF, (turn_id,)).fetchone()[0]
    return leaf_id


def delete_turn(connection: sqlite3.Connection, turn_id: int) -> int | None:
    """Delete a turn from its tree; the turns after it then follow the turn before it.

    If the turn was the end of the visible path, its newest variant replaces it, or else the turn
    before it. Returns the conversation's id; None if there is no such turn.
    """
    row = connection.execute(
        "SELECT conversation_id, parent_id FROM turns WHERE id = ?", (turn_id,)
    ).fetchone()
    if row is None:
        return None
    conversation_id, parent_id = row["conversation_id"], row["parent_id"]
    others = [variant for variant in variant_ids(connection, turn_id) if variant != turn_id]
    head = parent_id
    if others:
        head = newest_leaf(connection, others[-1])
    names = {"turn": turn_id, "parent": parent_id, "conversation": conversation_id, "head": head}
    connection.execute("UPDATE turns SET parent_id = :parent WHERE parent_id = :turn", names)
    connection.execute(
        "UPDATE mode_changes SET after_turn_id = :parent WHERE after_turn_id = :turn", names
    )
    connection.execute(
        "DELETE FROM context_cuts WHERE after_turn_id = :turn OR left_turn_id = :turn", names
    )
    connection.execute(
        "UPDATE conversations SET head_id = :head WHERE id = :conversation AND head_id = :turn",
        names,
    )
    connection.execute("DELETE FROM turns WHERE id = :turn", names)
    return int(conversation_id)


def variant_ids(connection: sqlite3.Connection, turn_id: int) -> tuple[int, ...]:
    """Return the turns with the same parent, `turn_id` among them, oldest first.

    There are none if there is no such turn.
    """
    return tuple(row["id"] for row in connection.execute(_VARIANTS, (turn_id,)))
