"""Rows of the database from values of the domain, and back.

Every value survives the way there and back, but for text that UTF-8 cannot hold: SQLite refuses it.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from modechat.domain.conversation import ContextCut, ModeChange, Reply, ReplyState, ReplyStats, StopReason, Turn
from modechat.domain.modes import ChatMessage, Mode, ModeState, Task

if TYPE_CHECKING:
    import sqlite3

Columns: TypeAlias = dict[str, Any]
"""Values by the name of their column."""

SELECT_TURNS = """
SELECT turns.id, turns.parent_id, turns.created_at, turns.mode, turns.in_chat,
       turns.typed, turns.text, turns.input, turns.prefill, turns.task, turns.pinned,
       replies.state, replies.stop_reason, replies.error, replies.model, replies.stats, replies.text AS reply,
       replies.thinking
FROM turns JOIN replies ON replies.turn_id = turns.id
"""


def storable(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, as a broken terminal or a model's JSON may bring them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def time_text(moment: datetime) -> str:
    """`moment` as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def state_columns(state: ModeState) -> Columns:
    standing = None if state.standing is None else storable(state.standing)
    return {"mode": state.mode, "standing": standing, "task": storable(state.task)}


def read_state(row: sqlite3.Row) -> ModeState:
    return ModeState(Mode(row["mode"]), row["standing"], row["task"])


def mode_change_columns(change: ModeChange) -> Columns:
    return {
        "after_turn_id": change.after_turn_id,
        "typed": storable(change.typed),
        **state_columns(change.state),
    }


def read_mode_change(row: sqlite3.Row) -> ModeChange:
    return ModeChange(row["after_turn_id"], read_state(row), row["typed"])


def cut_columns(cut: ContextCut) -> Columns:
    return {
        "after_turn_id": cut.after_turn_id,
        "left_turn_id": cut.left_turn_id,
        "summary": storable(cut.summary),
    }


def read_cut(row: sqlite3.Row) -> ContextCut:
    return ContextCut(row["after_turn_id"], row["left_turn_id"], row["summary"])


def request_columns(request: ChatMessage | Task) -> Columns:
    match request:
        case ChatMessage(text):
            return {"mode": Mode.CHAT, "text": storable(text), "input": "", "prefill": "", "task": ""}
        case Task(instruction, task_input, prefill, name):
            return {
                "mode": Mode.INSTRUCT,
                "text": storable(instruction),
                "input": storable(task_input),
                "prefill": storable(prefill),
                "task": storable(name),
            }


def read_request(row: sqlite3.Row) -> ChatMessage | Task:
    if Mode(row["mode"]) is Mode.CHAT:
        return ChatMessage(row["text"])
    return Task(row["text"], row["input"], row["prefill"], row["task"])


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
        parent_id=row["parent_id"],
        typed=row["typed"],
        request=read_request(row),
        created_at=read_time(row["created_at"]),
        in_chat=bool(row["in_chat"]),
        reply=_read_reply(row),
        pinned=bool(row["pinned"]),
    )


def _read_reply(row: sqlite3.Row) -> Reply:
    return Reply(
        text=row["reply"],
        thinking=row["thinking"],
        state=ReplyState(row["state"]),
        stop_reason=None if row["stop_reason"] is None else StopReason(row["stop_reason"]),
        error=row["error"],
        model=row["model"],
        stats=None if row["stats"] is None else _read_stats(json.loads(row["stats"])),
    )


def _read_stats(figures: dict[str, Any]) -> ReplyStats | None:
    """Stats that another version wrote: without figures unknown here, and none at all if a needed one is missing."""
    known = {field.name for field in fields(ReplyStats)}
    needed = {field.name for field in fields(ReplyStats) if field.default is MISSING}
    if not needed <= figures.keys():
        return None
    found = {name: value for name, value in figures.items() if name in known}
    if "defused" in found:
        found["defused"] = tuple(found["defused"])  # JSON has lists only
    return ReplyStats(**found)
