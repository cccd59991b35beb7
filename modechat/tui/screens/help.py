"""The help screen: the two modes, and the keys and commands from the table of actions."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Grid, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from modechat.commands.actions import MODES, key_table, slash_table


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
