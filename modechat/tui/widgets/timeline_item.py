"""An entry of the timeline, and its widgets while it is mounted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from textual.widget import Widget

from modechat.domain.conversation import ModeChange, ReplyState, Turn
from modechat.domain.mode import Mode
from modechat.session.events import Trouble
from modechat.tui.widgets.notices import AppNotice, CutNotice, ModeNotice, TroubleNotice
from modechat.tui.widgets.turn import TurnView

Entry: TypeAlias = Turn | ModeChange | Trouble | str
"""An entry of the timeline. A string is a remark of the app."""


@dataclass(slots=True, eq=False)
class TimelineItem:
    entry: Entry
    view: TurnView | None = None
    """The view of a turn that was shown; it is kept, so that showing it again costs nothing."""
    widgets: tuple[Widget, ...] = ()
    """The mounted widgets; empty while the entry is not mounted."""
    cut_notice: CutNotice | None = None
    """The notice behind the widgets, if the context of the chat begins behind this entry."""

    @property
    def all_widgets(self) -> tuple[Widget, ...]:
        if self.cut_notice is None:
            return self.widgets
        return (*self.widgets, self.cut_notice)

    def make_widgets(self, new_view: Callable[[Turn], TurnView]) -> None:
        """Make new widgets, which the caller mounts.

        `new_view` makes the view of a turn that was not shown before.
        """
        match self.entry:
            case Turn() as turn if self.view is None:
                self.view = new_view(turn)
                self.widgets = self.view.widgets
            case Turn():
                assert self.view is not None
                self.widgets = self.view.make_widgets()
            case ModeChange() as change:
                self.widgets = (ModeNotice(change),)
            case Trouble() as trouble:
                self.widgets = (TroubleNotice(trouble),)
            case text:
                self.widgets = (AppNotice(text),)

    def drop_widgets(self) -> tuple[Widget, ...]:
        """Forget the widgets, and return them; the caller removes them."""
        widgets = self.all_widgets
        self.widgets = ()
        self.cut_notice = None
        return widgets

    def feed(self, text: str, *, is_thinking: bool) -> None:
        """Add text to the running reply of a turn, even before it has a view."""
        if self.view is not None:
            self.view.reply.feed(text, is_thinking=is_thinking)
        elif isinstance(self.entry, Turn):
            reply = replace(self.entry.reply, state=ReplyState.STREAMING)
            if is_thinking:
                reply = replace(reply, thinking=reply.thinking + text)
            else:
                reply = replace(reply, text=reply.text + text)
            self.entry = self.entry.with_reply(reply)

    def update_turn(self, turn: Turn) -> None:
        """Show changes of the turn other than its reply's text."""
        self.entry = turn
        if self.view is not None:
            self.view.update_turn(turn)

    def is_turn(self, turn_id: int) -> bool:
        return isinstance(self.entry, Turn) and self.entry.id == turn_id

    def is_same(self, entry: Entry) -> bool:
        """Return True if `entry` is the same turn or notice, in any state."""
        if isinstance(self.entry, Turn) and isinstance(entry, Turn):
            return self.entry.id == entry.id
        return self.entry == entry


def is_first_unseen(turn: Turn, items: Iterable[TimelineItem]) -> bool:
    """Return True for the first turn that the chat does not see, which explains that in words."""
    for item in items:
        other = item.entry
        if isinstance(other, Turn) and other.mode is Mode.INSTRUCT and not other.in_chat:
            return other.id == turn.id
    return True


def model_before(turn: Turn, items: Iterable[TimelineItem]) -> str:
    """Return the name of the model that wrote the reply before that of `turn`, or an empty text."""
    name = ""
    for item in items:
        other = item.entry
        if isinstance(other, Turn) and other.id < turn.id and other.reply.model:
            name = other.reply.model
    return name
