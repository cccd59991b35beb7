"""Notices of the app on the timeline: mode changes, errors, the welcome.

The model sees none of them.
"""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from modechat.domain.conversation import ModeChange
from modechat.domain.counted import counted
from modechat.domain.key_names import key
from modechat.domain.notices import notice
from modechat.domain.text import sanitize
from modechat.session.events import Trouble
from modechat.tui.bindings import keymap_of
from modechat.tui.mode_label import GLYPHS, mode_class

_LOG_LINES = 4


class ModeNotice(Vertical):
    """A header that the user typed, and the app's answer to it."""

    def __init__(self, change: ModeChange) -> None:
        super().__init__(classes=f"notice {mode_class(change.state.mode)}")
        self._change = change

    def compose(self) -> ComposeResult:
        state = self._change.state
        yield Static(Content(sanitize(self._change.typed.strip())), classes="typed")
        yield Static(Content(f"{GLYPHS[state.mode]} {sanitize(notice(state))}"), classes="answer")


class AppNotice(Static):
    """A remark that stays on the timeline, such as the source of the prompt format."""

    def __init__(self, text: str) -> None:
        indented = sanitize(text).replace("\n", "\n  ")
        super().__init__(Content(f"· {indented}"), classes="remark")


class CutNotice(Vertical):
    """The line where the context of the chat begins, with the summary of the messages above it."""

    def __init__(self, n_left_out: int, summary: str) -> None:
        super().__init__(classes="cut")
        self._n_left_out = n_left_out
        self._summary = summary

    def compose(self) -> ComposeResult:
        messages = counted(self._n_left_out, "message")
        if self._summary:
            line = f"─ the model sees this summary of the {messages} above ─"
            yield Static(Content(line), classes="line")
            yield Static(Content(sanitize(self._summary)), classes="summary")
        else:
            yield Static(Content(f"─ the {messages} above have left the context ─"), classes="line")


class TroubleNotice(Vertical):
    """An error, what the user can do, and the last lines of the engine's log."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(classes="trouble")
        self._trouble = trouble

    def compose(self) -> ComposeResult:
        yield Static(Content(f"✗ {sanitize(self._trouble.title)}"), classes="title")
        if self._trouble.hint:
            yield Static(Content(sanitize(self._trouble.hint)))
        if self._trouble.details:
            log = "\n".join(self._trouble.details[-_LOG_LINES:])
            yield Static(Content(sanitize(log)), classes="log")


class Welcome(Static):
    """The text in an empty conversation."""

    def __init__(self) -> None:
        super().__init__(classes="welcome")

    def on_mount(self) -> None:
        name_keys = keymap_of(self).name_keys
        text = Content.assemble(
            ("modechat", "bold $text-primary"),
            "\n\n",
            name_keys(f"Type a message and press {key('send', 'Enter')}: "),
            "the model remembers the chat.\n\n",
            ("### Instruction", "bold $text-accent"),
            "  one task at a time, without the chat\n",
            ("### Chat", "bold $text-primary"),
            "         back to the chat\n\n",
            (
                name_keys(f"{key('help', 'F1')} shows the keys. Everything stays on this machine."),
                "$text-muted",
            ),
        )
        self.update(text)
