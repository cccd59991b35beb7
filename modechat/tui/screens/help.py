"""The help screen: the two modes, and the keys and commands from the table of actions."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from modechat.commands.actions import key_table, slash_table

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
            yield from _table("Modes", MODES)
            yield from _table("Keys", key_table())
            yield from _table("Commands at the prompt", (*slash_table(), ("\\/task …", "sends the text itself")))


def _table(title: str, rows: tuple[tuple[str, str], ...]) -> ComposeResult:
    yield Static(Content(title), classes="title")
    with Grid():
        for name, text in rows:
            yield Static(Content(name), classes="name")
            yield Static(Content(text))
