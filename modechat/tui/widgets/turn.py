"""One turn on the timeline: what the user asked, and the reply.

Instruct turns show that the chat does not see them, chat turns if the model saw nothing but them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from modechat.domain.conversation import Reply, Turn
from modechat.domain.modes import ChatMessage, Mode
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.widgets.mode_label import GLYPHS, mode_class
from modechat.tui.widgets.reply import ReplyView


class TurnView(Vertical):
    def __init__(self, turn: Turn, without_history: Collection[str] = (), *, unfold_thinking: bool = False) -> None:
        """`without_history`: names of the formats in which a chat's prompt has its last message only."""
        super().__init__(classes=f"turn {mode_class(turn.mode)}")
        self.turn_id = turn.id
        self._turn = turn
        self._without_history = without_history
        self._label = Static(classes="label")
        self._defused = Static(classes="defused")
        self.reply = ReplyView(turn.reply, unfold_thinking=unfold_thinking)

    def compose(self) -> ComposeResult:
        with Vertical(classes="request"):
            yield self._label
            yield from _request(self._turn)
            yield self._defused
        yield self.reply

    def on_mount(self) -> None:
        self.update_turn(self._turn)

    def update_turn(self, turn: Turn) -> None:
        """Show changes of the turn other than its reply's text."""
        self._turn = turn
        for widget, content in (
            (self._label, _label(turn, self._without_history)),
            (self._defused, defused_note(turn.reply)),
        ):
            widget.update(content)
            widget.display = bool(content)

    def show_alone(self, without_history: Collection[str]) -> None:
        """Which formats leave out a chat's history has become known."""
        self._without_history = without_history
        self.update_turn(self._turn)


def _label(turn: Turn, without_history: Collection[str]) -> Content:
    if turn.mode is Mode.INSTRUCT:
        where = "added to the chat" if turn.in_chat else "the chat does not see this"
    elif turn.pinned:
        where = "pinned: it stays when the context is full"
    elif turn.reply.stats is not None and turn.reply.stats.format in without_history:
        where = "only this message was sent"
    else:
        return Content("")
    return Content.assemble((f"{GLYPHS[turn.mode]} {turn.mode}", "bold"), f" · {where}")


def defused_note(reply: Reply) -> Content:
    """Which texts of control tokens the user's message had; empty if none, or if it is not known yet."""
    if reply.stats is None or not reply.stats.defused:
        return Content("")
    counts = Counter(reply.stats.defused)
    texts = (sanitize_line(text) + (f" ×{count}" if count > 1 else "") for text, count in counts.items())
    return Content(f"◇ sent as plain text: {' '.join(texts)}")


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
