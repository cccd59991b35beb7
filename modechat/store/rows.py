"""Turns values of the domain into rows of the database, and back.

Every value is read as it was written, except text that UTF-8 cannot hold: SQLite refuses it. A row
that this program cannot have written raises Damaged. Damaged figures of a reply are left out
instead, because nothing depends on them.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from modechat.domain.conversation import (
    ContextCut,
    ModeChange,
    Reply,
    ReplyState,
    ReplyStats,
    StopReason,
    Turn,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.text import sanitize_line, storable
from modechat.store.schema import Damaged

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_MAX_FIGURE = 1 << 64
"""A larger figure is damage."""

Columns: TypeAlias = dict[str, Any]
"""Values by the name of their column."""

SELECT_TURNS = """
SELECT turns.id, turns.parent_id, turns.created_at, turns.mode, turns.in_chat,
       turns.typed, turns.text, turns.input, turns.prefill, turns.task, turns.pinned,
       replies.state, replies.stop_reason, replies.error, replies.model, replies.stats,
       replies.text AS reply, replies.thinking,
       (SELECT count(*) FROM turns AS other
        WHERE other.conversation_id = turns.conversation_id
        AND other.parent_id IS turns.parent_id) AS n_variants,
       (SELECT count(*) FROM turns AS other
        WHERE other.conversation_id = turns.conversation_id
        AND other.parent_id IS turns.parent_id AND other.id <= turns.id) AS variant
FROM turns JOIN replies ON replies.turn_id = turns.id
"""


def time_text(moment: datetime) -> str:
    """Return `moment` as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(read_text(value))
    except ValueError:
        moment = None
    # At the ends of the calendar a day may not exist in another time zone.
    if moment is None or moment.tzinfo is None or not 1900 <= moment.year <= 9000:
        raise Damaged(f"a time is {_shown(value)}")
    return moment


def read_text(value: object) -> str:
    if not isinstance(value, str):
        raise Damaged(f"a text is {_shown(value)}")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise Damaged(f"a number is {_shown(value)}")
    return value


def read_mode(value: object) -> Mode:
    return _one_of(Mode, value)


def _one_of(kind: type[E], value: object) -> E:
    try:
        return kind(read_text(value))
    except ValueError:
        raise Damaged(f"{kind.__name__} is {_shown(value)}") from None


def _shown(value: object) -> str:
    return sanitize_line(repr(value)[:40])


def _or_none(read: Callable[[object], T], value: object) -> T | None:
    """Read a value that may be NULL."""
    if value is None:
        return None
    return read(value)


def state_columns(state: ModeState) -> Columns:
    standing = state.standing
    if standing is not None:
        standing = storable(standing)
    return {"mode": state.mode, "standing": standing, "task": storable(state.task)}


def read_state(row: sqlite3.Row) -> ModeState:
    standing = _or_none(read_text, row["standing"])
    return ModeState(read_mode(row["mode"]), standing, read_text(row["task"]))


def mode_change_columns(change: ModeChange) -> Columns:
    return {
        "after_turn_id": change.after_turn_id,
        "typed": storable(change.typed),
        **state_columns(change.state),
    }


def read_mode_change(row: sqlite3.Row) -> ModeChange:
    after_turn_id = _or_none(_number, row["after_turn_id"])
    return ModeChange(after_turn_id, read_state(row), read_text(row["typed"]))


def cut_columns(cut: ContextCut) -> Columns:
    return {
        "after_turn_id": cut.after_turn_id,
        "left_turn_id": cut.left_turn_id,
        "summary": storable(cut.summary),
    }


def read_cut(row: sqlite3.Row) -> ContextCut:
    return ContextCut(
        _number(row["after_turn_id"]), _number(row["left_turn_id"]), read_text(row["summary"])
    )


def request_columns(request: ChatMessage | Task) -> Columns:
    match request:
        case ChatMessage(text):
            return {
                "mode": Mode.CHAT,
                "text": storable(text),
                "input": "",
                "prefill": "",
                "task": "",
            }
        case Task(instruction, task_input, prefill, name):
            return {
                "mode": Mode.INSTRUCT,
                "text": storable(instruction),
                "input": storable(task_input),
                "prefill": storable(prefill),
                "task": storable(name),
            }


def read_request(row: sqlite3.Row) -> ChatMessage | Task:
    if read_mode(row["mode"]) is Mode.CHAT:
        return ChatMessage(read_text(row["text"]))
    return Task(
        read_text(row["text"]),
        read_text(row["input"]),
        read_text(row["prefill"]),
        read_text(row["task"]),
    )


def reply_columns(reply: Reply) -> Columns:
    stats = None
    if reply.stats is not None:
        stats = json.dumps(asdict(reply.stats))
    return {
        "state": reply.state,
        "stop_reason": reply.stop_reason,
        "error": storable(reply.error),
        "model": storable(reply.model),
        "stats": stats,
        "text": storable(reply.text),
        "thinking": storable(reply.thinking),
    }


def read_turn(row: sqlite3.Row) -> Turn:
    """Read a turn from a row of `SELECT_TURNS`."""
    return Turn(
        id=row["id"],
        parent_id=_or_none(_number, row["parent_id"]),
        typed=read_text(row["typed"]),
        request=read_request(row),
        created_at=read_time(row["created_at"]),
        in_chat=bool(row["in_chat"]),
        reply=_read_reply(row),
        pinned=bool(row["pinned"]),
        variant=row["variant"],
        n_variants=row["n_variants"],
    )


def _read_reply(row: sqlite3.Row) -> Reply:
    return Reply(
        text=read_text(row["reply"]),
        thinking=read_text(row["thinking"]),
        state=_one_of(ReplyState, row["state"]),
        stop_reason=_or_none(partial(_one_of, StopReason), row["stop_reason"]),
        error=read_text(row["error"]),
        model=read_text(row["model"]),
        stats=_read_stats(row["stats"]),
    )


_NAMES_BEFORE = {"rung": "fallback", "defused": "neutralised"}
"""New names of figures, by the names in records of version 0.1.0."""


def _read_stats(stored: object) -> ReplyStats | None:
    """Read the stats of this version or another; figures that are unknown here are left out.

    Returns None if a figure is damaged, or one without a default is missing.
    """
    figures = _read_figures(stored)
    found: Columns = {}
    for field in fields(ReplyStats):
        if field.name in figures:
            value = figures[field.name]
            if not _is_figure(str(field.type), value):
                return None
            found[field.name] = value
        elif field.default is MISSING:
            return None
    if "neutralised" in found:
        found["neutralised"] = tuple(found["neutralised"])  # JSON has lists only
    return ReplyStats(**found)


def _read_figures(stored: object) -> Columns:
    """Read figures by their present names; none if they are damaged."""
    if not isinstance(stored, str):
        return {}
    try:
        figures = json.loads(stored)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(figures, dict):
        return {}
    for before, now in _NAMES_BEFORE.items():
        if before in figures:
            figures[now] = figures.pop(before)
    return figures


def _is_figure(kind: str, value: object) -> bool:
    """Return True if a field of this type takes a value from JSON."""
    match value:
        case str():
            return kind == "str"
        case bool():
            return False
        case int() | float():
            return kind in ("float", type(value).__name__) and abs(value) < _MAX_FIGURE  # not NaN
        case list():
            return kind.startswith("tuple") and all(isinstance(one, str) for one in value)
        case _:
            return False
