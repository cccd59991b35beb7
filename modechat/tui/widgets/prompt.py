"""The prompt: where the user types, with the mode on its border.

Enter sends; Shift+Enter and Ctrl+J begin a new line; a paste never sends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from modechat.commands.actions import slash_usage
from modechat.commands.slash import read_slash
from modechat.domain.modes import Mode, ModeState, mode_of
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.widgets.mode_label import GLYPHS, mode_class

# ctrl+enter, alt+enter: terminals with the kitty protocol. "shift+\r": what Textual makes of xterm's encoding.
_NEWLINE_KEYS = frozenset({"shift+enter", "ctrl+j", "ctrl+enter", "alt+enter", "shift+\r"})
_BURST_SECONDS = 0.02
_SECONDS_TO_HANDLE_KEYS = 2.0


class PromptArea(TextArea):
    """The text area itself."""

    def __init__(self, submit: Callable[[str], None]) -> None:
        """`submit` is called at once when the user presses Enter: a message could arrive after the next key."""
        super().__init__(soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False)
        self._on_submit = submit
        self._last_key_time = 0.0
        self._deferred_enter: Timer | None = None

    async def _on_key(self, event: events.Key) -> None:
        in_burst = event.time - self._last_key_time < _BURST_SECONDS
        self._last_key_time = event.time
        self._make_deferred_enter_a_newline()
        if event.key == "enter":
            self._take(event)
            if in_burst:
                self._deferred_enter = self.set_timer(_BURST_SECONDS, self._submit)
            else:
                self._submit()
        elif event.key in _NEWLINE_KEYS:
            self._take(event)
            self._type("\n")
        elif event.key == "space" and event.character is None:
            self._take(event)
            self._type(" ")  # some terminals send the space without its character
        elif event.character is not None and event.is_printable and sanitize(event.character) != event.character:
            self._take(event)
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        self._take(event)
        self._make_deferred_enter_a_newline()
        self._type(sanitize(event.text.replace("\r\n", "\n").replace("\r", "\n")))

    def submit_deferred(self) -> None:
        """If an Enter waits for more text, none will come."""
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._submit()

    def _submit(self) -> None:
        self._deferred_enter = None
        self._on_submit(self.text)

    def _make_deferred_enter_a_newline(self) -> None:
        """More follows the Enter at once: it belongs to a paste that came as keys.

        Terminals without bracketed paste send them; and Textual makes keys of what follows an escape in a paste.
        """
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._deferred_enter = None
            self._type("\n")

    def _type(self, text: str) -> None:
        if edit := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(edit.end_location)

    @staticmethod
    def _take(event: events.Event) -> None:
        event.stop()
        event.prevent_default()


class Prompt(Vertical):
    """The prompt in its frame. The frame shows the mode that the text would be sent in, while it is typed."""

    @dataclass
    class ModeTyped(Message):
        """The mode that the text would be sent in changed."""

        mode: Mode

    class TextTyped(Message):
        """The text changed."""

    def __init__(self, submit: Callable[[str], None]) -> None:
        """`submit` is called with the text when the user presses Enter."""
        super().__init__(id="prompt")
        self._area = PromptArea(submit)
        self._state = ModeState()
        self._mode = Mode.CHAT
        self._sees_history = True
        self._hint = ""

    def compose(self) -> ComposeResult:
        yield self._area

    def on_mount(self) -> None:
        self._refresh_mode()

    @property
    def text(self) -> str:
        return self._area.text

    @property
    def area(self) -> PromptArea:
        """For the focus and the selection."""
        return self._area

    def show_state(self, state: ModeState) -> None:
        """The mode of the conversation."""
        self._state = state
        self._refresh_mode()

    def show_history(self, sees_history: bool) -> None:
        """Whether the model sees what was said before in the chat."""
        self._sees_history = sees_history
        self._refresh_mode()

    def show_hint(self, hint: str) -> None:
        """What the keys do at the moment, on the lower border."""
        self._hint = hint
        self._refresh_hint()

    async def keys_are_handled(self) -> None:
        """Wait until the keys that were pressed before have done what they do."""
        handled = asyncio.Event()
        self._area.call_later(handled.set)
        with contextlib.suppress(TimeoutError):  # it is going away
            await asyncio.wait_for(handled.wait(), _SECONDS_TO_HANDLE_KEYS)
        self._area.submit_deferred()

    def clear(self) -> None:
        self._area.clear()

    def restore(self, text: str) -> None:
        """Give back a text that could not be sent, unless something new was typed."""
        if not self._area.text:
            self.fill(text)

    def fill(self, text: str) -> None:
        """Put a text where the user goes on typing."""
        self._area.load_text(text)
        self._area.move_cursor(self._area.document.end)

    @on(TextArea.Changed)
    def _changed(self, message: TextArea.Changed) -> None:
        message.stop()
        self._refresh_mode()
        self._refresh_hint()
        self.post_message(self.TextTyped())

    def _refresh_hint(self) -> None:
        """A command tells what it does while it is typed."""
        command = read_slash(self._area.text)
        self.border_subtitle = Content(
            f"{slash_usage(command.action)} · {command.action.help}" if command else self._hint
        )

    def _refresh_mode(self) -> None:
        mode = mode_of(self._area.text, self._state)
        standing = self._state.standing if mode is Mode.INSTRUCT else None
        for other in Mode:
            self.set_class(other is mode, mode_class(other))
        label = f"{GLYPHS[mode]} {mode}"
        if standing is not None and self._state.task:
            label += f": {sanitize_line(self._state.task)} ({_shorten(sanitize_line(standing))})"
        elif standing is not None:
            label += f": {_shorten(sanitize_line(standing))}"
        elif mode is Mode.CHAT and not self._sees_history:
            label += " · last message only"
        self.border_title = Content(label)
        self._area.placeholder = Content(_placeholder(mode, standing))
        if mode is not self._mode:
            self._mode = mode
            self.post_message(self.ModeTyped(mode))


def _placeholder(mode: Mode, standing: str | None) -> str:
    if standing is not None:
        return "The next input for this instruction"
    if mode is Mode.INSTRUCT:
        return "What should be done? One task, without the chat's history"
    return "Message, or ### Instruction"


def _shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
