"""The frame of the prompt: it shows the mode of the text and the meaning of the keys during typing.

Modules that read the text are imported when there is one: the first frame has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from modechat.commands.actions import slash_usage
from modechat.commands.keymap import Keymap
from modechat.domain.mode import Mode, ModeState
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed
from modechat.tui.mode_label import GLYPHS, mode_class
from modechat.tui.widgets.prompt.area import PromptArea

_LONGEST_INSTRUCTION = 40


class PromptFrame(Vertical):
    """The frame around the text area of the prompt."""

    @dataclass
    class ModeTyped(Message):
        """Tells that the text would be sent in another mode now."""

        mode: Mode

    def __init__(self, area: PromptArea, keymap: Keymap) -> None:
        super().__init__(id="prompt")
        self._area = area
        self._state = ModeState()
        self._mode = Mode.CHAT
        self._sees_history = True
        self._is_editing = False
        self._opens_token = f"{keymap.name('open_paste') or '/open'} opens the pasted text"
        self._hint = ""

    def compose(self) -> ComposeResult:
        yield self._area

    def on_mount(self) -> None:
        self.refresh_mode()

    @property
    def typed(self) -> Typed:
        """The text that is meant, with the texts of its tokens."""
        return self._area.typed

    @property
    def text(self) -> str:
        """The text that is meant, as a string."""
        return self._area.typed.text

    def show_state(self, state: ModeState) -> None:
        """Show the mode of the conversation."""
        self._state = state
        self.refresh_mode()

    def show_history(self, sees_history: bool) -> None:
        """Show if the model sees the earlier messages of the chat."""
        self._sees_history = sees_history
        self.refresh_mode()

    def show_editing(self, is_editing: bool) -> None:
        """Show if the text will replace an earlier message."""
        self._is_editing = is_editing
        self.refresh_mode()

    def show_hint(self, hint: str) -> None:
        """Show on the lower border what the keys do now."""
        self._hint = hint
        self.refresh_hint()

    def refresh_hint(self) -> None:
        """Show what a typed command does, how a token is opened, or the usual hint."""
        hint = self._opens_token if self._area.is_at_token else self._hint
        if self.text:
            from modechat.commands.slash import read_slash

            command = read_slash(self.typed)
            if command is not None:
                hint = f"{slash_usage(command.action)} · {command.action.command_help}"
        self.border_subtitle = Content(hint)

    def refresh_mode(self) -> None:
        mode = self._state.mode
        if self.text:
            from modechat.domain.modes import mode_of

            mode = mode_of(self.typed, self._state)
        standing = self._state.standing if mode is Mode.INSTRUCT else None
        for other in Mode:
            self.set_class(other is mode, mode_class(other))
        self.border_title = Content(self._label(mode, standing))
        self._area.placeholder = Content(_placeholder(mode, standing))
        if mode is not self._mode:
            self._mode = mode
            self.post_message(self.ModeTyped(mode))

    def _label(self, mode: Mode, standing: str | None) -> str:
        label = f"{GLYPHS[mode]} {mode}"
        if standing is not None:
            instruction = _shorten(sanitize_line(standing))
            if self._state.task:
                instruction = f"{sanitize_line(self._state.task)} ({instruction})"
            label += f": {instruction}"
        elif mode is Mode.CHAT and not self._sees_history:
            label += " · last message only"
        if self._is_editing:
            label += " · editing a message, Esc cancels"
        return label


def _placeholder(mode: Mode, standing: str | None) -> str:
    if standing is not None:
        return "The next input for this instruction"
    if mode is Mode.INSTRUCT:
        return "What should be done? One task, without the chat's history"
    return "Message, or ### Instruction"


def _shorten(text: str) -> str:
    if len(text) <= _LONGEST_INSTRUCTION:
        return text
    return f"{text[: _LONGEST_INSTRUCTION - 1]}…"
