"""One turn on the timeline: what the user asked, and the reply. Instruct turns show that the chat does not see them."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from modechat.domain.conversation import Turn
from modechat.domain.modes import ChatMessage, Mode
from modechat.domain.text import sanitize
from modechat.tui.widgets.mode_label import GLYPHS, mode_class
from modechat.tui.widgets.reply import ReplyView


class TurnView(Vertical):
    def __init__(self, turn: Turn) -> None:
        super().__init__(classes=f"turn {mode_class(turn.mode)}")
        self.turn_id = turn.id
        self._turn = turn
        self._label = Static(_label(turn), classes="label")
        self.reply = ReplyView(turn.reply)

    def compose(self) -> ComposeResult:
        with Vertical(classes="request"):
            if self._turn.mode is Mode.INSTRUCT:
                yield self._label
            yield from _request(self._turn)
        yield self.reply

    def update_turn(self, turn: Turn) -> None:
        """Show changes of the turn other than its reply's text."""
        self._turn = turn
        self._label.update(_label(turn))


def _label(turn: Turn) -> Content:
    where = "added to the chat" if turn.in_chat else "the chat does not see this"
    return Content.assemble((f"{GLYPHS[turn.mode]} {turn.mode}", "bold"), f" · {where}")


def _request(turn: Turn) -> ComposeResult:
    """The message as it was meant: its sections, without the headers."""
    request = turn.request
    if isinstance(request, ChatMessage):
        yield Static(_text(request.text), classes="message")
        return
    yield Static(_text(request.instruction), classes="message")
    if request.input:
        yield Static(Content("Input"), classes="section")
        yield Static(_text(request.input), classes="message")
    if request.prefill:
        yield Static(Content("The reply starts with"), classes="section")
        yield Static(_text(request.prefill), classes="message")


def _text(text: str) -> Content:
    return Content(sanitize(text))
