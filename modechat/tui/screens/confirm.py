"""A question that the user answers with yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from modechat.domain.text import sanitize
from modechat.tui.screens.dialog import Dialog


class ConfirmScreen(Dialog[bool]):
    """Returns True for yes; None for no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y", "dismiss(True)", show=False),
        Binding("n", "close", show=False),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (("Enter, y", "Yes"), ("Esc, n", "No"))

    def __init__(self, heading: str, question: str, yes: str) -> None:
        """Ask `question`. `yes` names the action of Enter."""
        super().__init__()
        self._question = question
        self._yes = yes
        self.show_heading(heading)

    def compose(self) -> ComposeResult:
        with self.frame:
            yield Static(Content(sanitize(self._question)))

    def on_mount(self) -> None:
        self.show_hints(f"Enter: {self._yes}", "Esc: no")
