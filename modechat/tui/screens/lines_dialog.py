"""A dialog with lines of text to scroll. Keys that scroll go to the lines, letters to a filter."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.line_view import LineView


class LinesDialog(Dialog[None]):
    """A dialog with lines. Subclasses show the lines that pass the filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
        Binding("ctrl+home", "scroll('home')", show=False),
        Binding("ctrl+end", "scroll('end')", show=False),
    ]

    def __init__(self, placeholder: str, *, follows: bool = False) -> None:
        """Show `placeholder` in the filter.

        `follows`: the view stays at the end when lines are added.
        """
        super().__init__()
        self.filter = Input(placeholder=placeholder, compact=True, classes="filter")
        self.lines = LineView(follows=follows)

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self.filter
            yield self.lines

    def on_mount(self) -> None:
        self.filter.focus()

    def filtered(self, text: str) -> None:
        """Show the lines that have the words of `text`. Called when the filter changes."""
        raise NotImplementedError

    def action_scroll(self, where: str) -> None:
        getattr(self.lines, f"scroll_{where}")(animate=False)

    @on(Input.Changed)
    def _filter_changed(self, message: Input.Changed) -> None:
        self.filtered(message.value)
