"""The help screen: the two modes, and the keys from the table of actions."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from modechat.tui.actions import key_table

MODES = (
    ("### Instruction", "alone: every message is a task of its own, without history"),
    ("### Instruction …", "with text: this one message is a task"),
    ("### Input", "in a task: the text to work on; empty at its end: every following message is an input"),
    ("### Response", "at the end of a task: how the reply starts"),
    ("### Chat", "alone: back to the chat; with text: this one message is chat"),
    ("\\### …", "sends the text itself"),
)


class HelpScreen(ModalScreen[None]):
    BINDINGS = [Binding("escape,f1,q", "dismiss", "Close", show=False)]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Esc closes"
            yield Static(_table("Modes", MODES, "$accent"))
            yield Static(_table("Keys", key_table(), "$primary"))


def _table(title: str, rows: tuple[tuple[str, str], ...], colour: str) -> Content:
    width = max(len(name) for name, _ in rows)
    lines = [Content.assemble((title, "bold"))]
    for name, text in rows:
        lines.append(Content.assemble((name.ljust(width), f"bold {colour}"), "  ", text))
    return Content("\n").join(lines)
