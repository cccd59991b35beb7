"""The list of conversations: choose one to open, or delete one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from modechat.domain.text import sanitize_line
from modechat.store import ConversationSummary


@dataclass(frozen=True, slots=True)
class Open:
    conversation_id: int


@dataclass(frozen=True, slots=True)
class Delete:
    conversation_id: int


class ConversationsScreen(ModalScreen[Open | Delete | None]):
    """Returns what to do with which conversation, or None."""

    BINDINGS = [
        Binding("escape,ctrl+o", "dismiss(None)", "Close", show=False),
        Binding("delete,d", "delete", "Delete", show=False),
    ]

    def __init__(
        self, summaries: Sequence[ConversationSummary], open_id: int | None, now: Callable[[], datetime]
    ) -> None:
        super().__init__()
        self._summaries = summaries
        self._open_id = open_id
        self._now = now
        self._delete_armed: int | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Conversations"
            dialog.border_subtitle = "Enter opens · d deletes · Esc closes"
            if self._summaries:
                yield OptionList(*(self._option(summary) for summary in self._summaries))
            else:
                yield Static(Content("There are none yet."))

    @on(OptionList.OptionSelected)
    def _open(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(Open(self._summaries[message.option_index].id))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self) -> None:
        self._delete_armed = None
        self._subtitle("Enter opens · d deletes · Esc closes")

    def action_delete(self) -> None:
        """Delete the highlighted conversation; asks for the key twice."""
        index = self.query_one(OptionList).highlighted if self._summaries else None
        if index is None:
            return
        if self._delete_armed == index:
            self.dismiss(Delete(self._summaries[index].id))
        else:
            self._delete_armed = index
            self._subtitle("Press d again to delete it for good")

    def _subtitle(self, text: str) -> None:
        self.query_one(".dialog").border_subtitle = text

    def _option(self, summary: ConversationSummary) -> Option:
        title = sanitize_line(summary.title) or "Without a title"
        turns = f"{summary.turn_count} turn{'' if summary.turn_count == 1 else 's'}"
        when = ago(summary.updated_at, self._now())
        here = "open · " if summary.id == self._open_id else ""
        return Option(
            Content.assemble(
                (title, "bold"),
                ("\n" + f"{here}{when} · {turns} · {sanitize_line(summary.preview)}", "dim"),
            )
        )


def ago(then: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `3 h ago`; a date after a month."""
    seconds = (now - then).total_seconds()
    for limit, size, unit in ((3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d")):
        if seconds < size:
            return "just now" if unit == "min" else f"1 {unit} ago"
        if seconds < limit:
            return f"{int(seconds // size)} {unit} ago"
    return then.astimezone().strftime("%Y-%m-%d")
