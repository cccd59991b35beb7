"""The text area of the prompt: it handles keys and pastes."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.document._document import Location
from textual.timer import Timer

from modechat.commands.keymap import Keymap
from modechat.domain.text import DIRECTIONS, sanitize
from modechat.tui.bindings import bind_edits, newline_keys
from modechat.tui.terminal_input import Paste
from modechat.tui.widgets.prompt.folds import is_data
from modechat.tui.widgets.prompt.helpers import Helpers
from modechat.tui.widgets.prompt.mark_names import CHAT, COMMAND, FILE, INSTRUCT
from modechat.tui.widgets.prompt.token_area import TokenArea

_OTHER_ENCODINGS = {"shift+\r": "shift+enter", "\r": "shift+enter"}
"""Textual's names for keys in xterm's encoding that come in pieces."""
_BURST_SECONDS = 0.02
_INVISIBLE = "\u200c\u200d\u200e\u200f\u061c" + DIRECTIONS
_TAGS = range(0xE0020, 0xE0080)  # in flags of regions


class PromptArea(TokenArea):
    COMPONENT_CLASSES: ClassVar[set[str]] = TokenArea.COMPONENT_CLASSES | {
        CHAT,
        INSTRUCT,
        COMMAND,
        FILE,
    }

    def __init__(self, submit: Callable[[], None], helpers: Helpers, keymap: Keymap) -> None:
        """Call `submit` at once when the user presses Enter: a message might come after the next
        key.
        """
        super().__init__(
            soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False
        )
        bind_edits(self, keymap)
        self._send_keys = frozenset(keymap.keys("send"))
        self._newline_keys = newline_keys(keymap)
        self._on_submit = submit
        self._helpers = helpers
        self._last_key_time = 0.0
        self._deferred_enter: Timer | None = None

    # Keys

    async def _on_key(self, event: events.Key) -> None:
        in_burst = event.time - self._last_key_time < _BURST_SECONDS
        self._last_key_time = event.time
        self._make_deferred_enter_a_newline()
        key = _OTHER_ENCODINGS.get(event.key, event.key)
        if self._handle_key(key, event, in_burst=in_burst):
            _stop(event)
        elif bindings := self._bindings.key_to_bindings.get(key):
            # Run the action at once: Textual would send the key through the app, and letters that
            # are typed next would overtake it.
            _stop(event)
            await self.run_action(bindings[-1].action)
        else:
            await super()._on_key(event)

    def _handle_key(self, key: str, event: events.Key, *, in_burst: bool) -> bool:
        """Handle a key that has a meaning at the prompt.

        Return False if the key does the same as in every text area.
        """
        is_pasted = in_burst and key in ("enter", "tab")
        if not is_pasted and self._helpers.offer_key(key):
            return True
        if key == "tab" and not in_burst and self.is_at_token:
            self.open_token()
            return True
        if key in self._send_keys:
            self._handle_send_key(key, in_burst=in_burst)
            return True
        if key in self._newline_keys:
            self.type("\n")
            return True
        return self._recalls(key) or self._handle_character(event)

    def _handle_send_key(self, key: str, *, in_burst: bool) -> None:
        if key == "enter" and self._continues_line():
            row, column = self.cursor_location
            self.complete((row, column - 1), "\n")
        elif in_burst and key == "enter":
            self._deferred_enter = self.set_timer(_BURST_SECONDS, self._submit)
        else:
            self._submit()

    def _handle_character(self, event: events.Key) -> bool:
        """Type characters that Textual would leave out, and drop those that the text cannot
        hold.
        """
        character = event.character
        if character is None:
            return False
        if _is_joiner(character):
            self.type(character)
            return True
        return event.is_printable and sanitize(character) != character

    async def _on_paste(self, event: events.Paste) -> None:
        _stop(event)
        self._helpers.touched()
        self._last_key_time = event.time
        self._make_deferred_enter_a_newline()
        self.history.checkpoint()
        self._put_in(event.raw if isinstance(event, Paste) else event.text)

    def action_paste(self) -> None:
        self._put_in(self.app.clipboard)

    def _put_in(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if is_data(text):
            text = self.folds.fold(text)
        self.type(text)

    def submit_deferred(self) -> None:
        """Submit if an Enter waits for more text, because none will come."""
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._submit()

    def _submit(self) -> None:
        self._deferred_enter = None
        self._on_submit()

    def _make_deferred_enter_a_newline(self) -> None:
        """Type a newline for the deferred Enter: more follows at once, so it is part of a paste."""
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._deferred_enter = None
            self.type("\n")

    def _continues_line(self) -> bool:
        """Return True if a backslash stands before the cursor, so that Enter makes a new line."""
        row, column = self.cursor_location
        before = self.document[row][:column]
        n_backslashes = len(before) - len(before.rstrip("\\"))
        return self.selection.is_empty and n_backslashes % 2 == 1

    def _recalls(self, key: str) -> bool:
        """Show the message sent before or after, if the key leaves the text at its edge.

        Return True if one was shown.
        """
        if not self.selection.is_empty:
            return False
        location = self.cursor_location
        if key == "up" and self.navigator.is_first_wrapped_line(location):
            return self._helpers.recall_older()
        if key == "down" and self.navigator.is_last_wrapped_line(location):
            return self._helpers.recall_newer()
        return False

    # What Textual's text area calls

    def update_suggestion(self) -> None:
        self._helpers.text_changed()

    def _recompute_cursor_offset(self) -> None:
        # When undo removes many lines, Textual asks before it has moved the cursor, and raises
        # ValueError.
        location = self.clamp_visitable(self.cursor_location)
        self._cursor_offset = self.wrapped_document.location_to_offset(location)

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:  # noqa: ARG002
        return None  # it would read the whole text at every move of the cursor

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end, name in self._helpers.marks_in(line_index):
            line.stylize(self.get_component_rich_style(name, partial=True), start, end)
        return line


def _stop(event: events.Event) -> None:
    event.stop()
    event.prevent_default()


def _is_joiner(character: str) -> bool:
    """Return True for invisible parts of emoji and words, which are not printable in Python."""
    return character in _INVISIBLE or (len(character) == 1 and ord(character) in _TAGS)
