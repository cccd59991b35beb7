"""The tree of a conversation's turns, and the path through it that is visible: from the root to the head.

A change of mode is visible where the turn before it is. Ids grow along every path (schema.py), so the order of ids is
the order of a path, and the newest turn of a subtree is a leaf. In a damaged tree a path may lead back to itself: UNION
ends it there, where UNION ALL would go on for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.store import rows
from modechat.store.schema import Damaged

if TYPE_CHECKING:
    import sqlite3

    from modechat.domain.conversation import ContextCut, Entry, ModeChange

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
SELECT after_turn_id, mode, standing, task, typed FROM mode_changes WHERE conversation_id = ? ORDER BY id
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


def visible_entries(connection: sqlite3.Connection, conversation_id: int) -> tuple[Entry, ...]:
    """What the user sees of a conversation, oldest first. Raises Damaged, also if the path to its head has a gap."""
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
    if before != head_of(connection, conversation_id):
        raise Damaged("its last turn is missing")
    return tuple(entries)


def head_of(connection: sqlite3.Connection, conversation_id: int) -> object:
    """The turn at the end of the visible path; None for a conversation without turns."""
    row = connection.execute(
        "SELECT head_id FROM conversations WHERE id = ?", (conversation_id,)
    ).fetchone()
    return None if row is None else row["head_id"]


def cut_in_effect(connection: sqlite3.Connection, conversation_id: int) -> ContextCut | None:
    """Where the context of the visible path begins: the last cut on it; None: with the first turn."""
    row = connection.execute(_CUT, (conversation_id, conversation_id)).fetchone()
    return None if row is None else rows.read_cut(row)


def newest_leaf(connection: sqlite3.Connection, turn_id: int) -> int | None:
    """The newest leaf at or below a turn; None if there is no such turn."""
    leaf_id: int | None = connection.execute(_NEWEST_LEAF, (turn_id,)).fetchone()[0]
    return leaf_id


def delete_turn(connection: sqlite3.Connection, turn_id: int) -> int | None:
    """Take a turn out of its tree: what follows it follows the turn before it. Returns the conversation's id; None if
    there is no such turn.

    Where it was the end of the visible path, its newest variant takes its place, or the turn before it.
    """
    row = connection.execute(
        "SELECT conversation_id, parent_id FROM turns WHERE id = ?", (turn_id,)
    ).fetchone()
    if row is None:
        return None
    conversation_id, parent_id = row["conversation_id"], row["parent_id"]
    others = [variant for variant in variant_ids(connection, turn_id) if variant != turn_id]
    head = newest_leaf(connection, others[-1]) if others else parent_id
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
    """The turns with the same parent, `turn_id` among them, oldest first; none if there is no such turn."""
    return tuple(row["id"] for row in connection.execute(_VARIANTS, (turn_id,)))
