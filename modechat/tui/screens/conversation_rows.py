"""The rows of the list of conversations, and the columns that show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from modechat.domain.listing import ConversationSummary, Found
from modechat.domain.mode import Mode
from modechat.domain.text import sanitize_line
from modechat.tui.mode_label import GLYPHS
from modechat.tui.screens.list_dialog import current_mark
from modechat.tui.widgets.row_list import Column

LONGEST_TITLE = 200

_UNITS = (("min", 60, 60), ("h", 3600, 24), ("d", 86_400, 30))
"""Units of time: name, seconds, and the number of them from which the next unit is used."""


@dataclass(frozen=True, slots=True)
class Row:
    summary: ConversationSummary
    found: Found | None = None
    """The place where the searched words were said, if they were."""


def conversation_columns(
    open_id: Callable[[], int | None], now: Callable[[], datetime]
) -> tuple[Column[Row], ...]:
    """Return the columns. `open_id` returns the id of the open conversation, which is marked."""

    def mark(row: Row) -> Content:
        return current_mark(row.summary.id == open_id())

    def last(row: Row) -> Content:
        return Content.styled(ago(row.summary.updated_at, now()), "dim")

    return (
        Column("", mark, width=1),
        Column("", _modes, width=2),
        Column("Title", _title),
        Column("No.", _number, width=5, at_right=True, needs=66),
        Column("Turns", _turns, width=5, at_right=True, needs=48),
        Column("Last", last, width=10, at_right=True, needs=36),
    )


def _modes(row: Row) -> Content:
    """Return a glyph for each mode that the turns of the conversation have."""
    summary = row.summary
    chat = instruct = " "
    if summary.turn_count > summary.instruct_count:
        chat = GLYPHS[Mode.CHAT]
    if summary.instruct_count:
        instruct = GLYPHS[Mode.INSTRUCT]
    return Content.assemble((chat, "$text-primary"), (instruct, "$text-accent"))


def _title(row: Row) -> Content:
    return Content(shown_title(row.summary.title))


def _number(row: Row) -> Content:
    return Content.styled(f"{row.summary.id}", "dim")


def _turns(row: Row) -> Content:
    return Content(f"{row.summary.turn_count:,}")


def shown_title(title: str) -> str:
    """Return a title that is safe to show in one line."""
    return sanitize_line(title[: 4 * LONGEST_TITLE])[:LONGEST_TITLE] or "Without a title"


def ago(then: datetime, now: datetime) -> str:
    """Return the time since `then` in the largest unit that fits; after 30 days the date.

    For example: `3 h ago`.
    """
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    for unit, size, most in _UNITS:
        if seconds < size * most:
            return f"{int(seconds // size)} {unit} ago"
    return then.astimezone().strftime("%Y-%m-%d")
