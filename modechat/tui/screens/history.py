"""What was sent before, to find something in it by a few of its words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed
from modechat.tui.screens.steady import SteadyScreen

_MOST = 200
_LOOKED_THROUGH = 20_000
_WIDTH = 300


class HistoryScreen(SteadyScreen[Typed | None], ModalScreen[Typed | None]):
    """Returns what was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("up", "move(-1)", priority=True, show=False),
        Binding("down", "move(1)", priority=True, show=False),
    ]

    def __init__(self, entries: Sequence[Typed]) -> None:
        """`entries`: newest first."""
        super().__init__()
        self._entries = list({entry.text: entry for entry in reversed(entries)}.values())[::-1]
        self._found: list[Typed] = []
        self._input = Input(placeholder="Words of what was sent", compact=True)
        self._list = OptionList(compact=True)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Sent before"
            dialog.border_subtitle = "Enter takes it · Esc closes"
            yield self._input
            yield self._list

    def on_mount(self) -> None:
        self._list.can_focus = False
        self._input.focus()
        self._show()

    def action_move(self, by: int) -> None:
        if by < 0:
            self._list.action_cursor_up()
        else:
            self._list.action_cursor_down()

    @on(Input.Changed)
    def _show(self) -> None:
        self._found = matching(self._entries, self._input.value)
        self._list.set_options([Option(Content(_line(entry))) for entry in self._found])
        self._list.highlighted = 0 if self._found else None

    @on(Input.Submitted)
    def _submitted(self) -> None:
        if self._list.highlighted is not None:
            self.dismiss(self._found[self._list.highlighted])

    @on(OptionList.OptionSelected)
    def _selected(self, message: OptionList.OptionSelected) -> None:
        self.dismiss(self._found[message.option_index])


def matching(entries: Sequence[Typed], words: str) -> list[Typed]:
    """The entries that have all of the words, whatever their case, newest first; not too many."""
    wanted = words.casefold().split()
    found: list[Typed] = []
    for entry in entries:
        text = entry.text[:_LOOKED_THROUGH].casefold()
        if all(word in text for word in wanted):
            found.append(entry)
            if len(found) == _MOST:
                break
    return found


def _line(entry: Typed) -> str:
    line = sanitize_line(entry.text[:_WIDTH])
    count = entry.text.count("\n") + 1
    return f"{line}  ({count} lines)" if count > 1 else line
