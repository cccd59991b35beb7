"""An entry of the timeline, and its widgets while it is mounted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from textual.widget import Widget

from modechat.domain.conversation import ModeChange, Turn
from modechat.domain.mode import Mode
from modechat.session.events import Trouble
from modechat.tui.widgets.notices import AppNotice, ModeNotice, TroubleNotice
from modechat.tui.widgets.turn import TurnView

Entry: TypeAlias = Turn | ModeChange | Trouble | str
"""A string is a remark of the app."""


@dataclass(slots=True, eq=False)
class TimelineItem:
    entry: Entry
    view: TurnView | None = None
    """Of a turn that was shown: kept, so that showing it again costs nothing."""
    widgets: tuple[Widget, ...] = ()

    def make_widgets(self, new_view: Callable[[Turn], TurnView]) -> None:
        """New widgets, to be mounted. `new_view` makes the view of a turn that was not shown before."""
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

    def is_turn(self, turn_id: int) -> bool:
        return isinstance(self.entry, Turn) and self.entry.id == turn_id

    def is_same(self, entry: Entry) -> bool:
        """Whether it is the same turn or notice, in whatever state."""
        if isinstance(self.entry, Turn) and isinstance(entry, Turn):
            return self.entry.id == entry.id
        return self.entry == entry


def is_first_unseen(turn: Turn, items: Iterable[TimelineItem]) -> bool:
    """Whether it is the first turn that the chat does not see: that one says so in words."""
    turns = (item.entry for item in items if isinstance(item.entry, Turn))
    first = next(
        (other for other in turns if other.mode is Mode.INSTRUCT and not other.in_chat), None
    )
    return first is None or first.id == turn.id
