"""Rows of the database from values of the domain, and back.

Every value survives the way there and back, but for text that UTF-8 cannot hold: SQLite refuses it. What this program
cannot have written raises Damaged; only the figures of a reply, which nothing depends on, are left out then.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from enum import StrEnum
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
from modechat.domain.text import sanitize_line
from modechat.store.schema import Damaged

if TYPE_CHECKING:
    import sqlite3

E = TypeVar("E", bound=StrEnum)

_LARGEST = 1 << 64
"""Of the figures: more is damage."""

Columns: TypeAlias = dict[str, Any]
"""Values by the name of their column."""

SELECT_TURNS = """
SELECT turns.id, turns.parent_id, turns.created_at, turns.mode, turns.in_chat,
       turns.typed, turns.text, turns.input, turns.prefill, turns.task, turns.pinned,
       replies.state, replies.stop_reason, replies.error, replies.model, replies.stats, replies.text AS reply,
       replies.thinking,
       (SELECT count(*) FROM turns AS other WHERE other.conversation_id = turns.conversation_id
        AND other.parent_id IS turns.parent_id) AS n_variants,
       (SELECT count(*) FROM turns AS other WHERE other.conversation_id = turns.conversation_id
        AND other.parent_id IS turns.parent_id AND other.id <= turns.id) AS variant
FROM turns JOIN replies ON replies.turn_id = turns.id
"""


def storable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, as a broken terminal or a model's JSON may bring them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def time_text(moment: datetime) -> str:
    """`moment` as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(read_text(value))
    except ValueError:
        moment = None
    # Close to the ends of the calendar other time zones have no such day.
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


def state_columns(state: ModeState) -> Columns:
    standing = None if state.standing is None else storable(state.standing)
    return {"mode": state.mode, "standing": standing, "task": storable(state.task)}


def read_state(row: sqlite3.Row) -> ModeState:
    standing = row["standing"]
    return ModeState(
        read_mode(row["mode"]),
        standing if standing is None else read_text(standing),
        read_text(row["task"]),
    )


def mode_change_columns(change: ModeChange) -> Columns:
    return {
        "after_turn_id": change.after_turn_id,
        "typed": storable(change.typed),
        **state_columns(change.state),
    }


def read_mode_change(row: sqlite3.Row) -> ModeChange:
    after_turn_id = row["after_turn_id"]
    return ModeChange(
        after_turn_id if after_turn_id is None else _number(after_turn_id),
        read_state(row),
        read_text(row["typed"]),
    )


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
    return {
        "state": reply.state,
        "stop_reason": reply.stop_reason,
        "error": storable(reply.error),
        "model": storable(reply.model),
        "stats": None if reply.stats is None else json.dumps(asdict(reply.stats)),
        "text": storable(reply.text),
        "thinking": storable(reply.thinking),
    }


def read_turn(row: sqlite3.Row) -> Turn:
    """A turn from a row of `SELECT_TURNS`."""
    return Turn(
        id=row["id"],
        parent_id=row["parent_id"] if row["parent_id"] is None else _number(row["parent_id"]),
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
        stop_reason=None if row["stop_reason"] is None else _one_of(StopReason, row["stop_reason"]),
        error=read_text(row["error"]),
        model=read_text(row["model"]),
        stats=_read_stats(row["stats"]),
    )


_NAMES_BEFORE = {"rung": "fallback", "defused": "neutralised"}
"""Names of figures in records that version 0.1.0 wrote."""


def _read_stats(stored: object) -> ReplyStats | None:
    """Stats that this version wrote or another: without figures unknown here, and none at all if a needed one is
    missing or damaged."""
    try:
        figures = json.loads(stored) if isinstance(stored, str) else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(figures, dict):
        return None
    for before, now in _NAMES_BEFORE.items():
        if before in figures:
            figures[now] = figures.pop(before)
    known = {field.name for field in fields(ReplyStats)}
    needed = {field.name for field in fields(ReplyStats) if field.default is MISSING}
    if not needed <= figures.keys():
        return None
    found = {name: value for name, value in figures.items() if name in known}
    if not all(
        _is_figure(str(field.type), found[field.name])
        for field in fields(ReplyStats)
        if field.name in found
    ):
        return None
    if "neutralised" in found:
        found["neutralised"] = tuple(found["neutralised"])  # JSON has lists only
    return ReplyStats(**found)


def _is_figure(kind: str, value: object) -> bool:
    """Whether a value from JSON is what a field of this type takes."""
    match value:
        case str():
            return kind == "str"
        case bool():
            return False
        case int() | float():
            return kind in ("float", type(value).__name__) and abs(value) < _LARGEST  # not NaN
        case list():
            return kind.startswith("tuple") and all(isinstance(one, str) for one in value)
        case _:
            return False
