"""The text area of the prompt: what keys and pastes do to the text.

Every change can be undone, also those that are not typed. The cursor never stands inside a token of a big paste.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.document._document import EditResult, Location, Selection
from textual.timer import Timer

from modechat.commands.keymap import Keymap
from modechat.domain.text import DIRECTIONS, sanitize
from modechat.domain.typed import Typed
from modechat.tui.bindings import bind_edits, newline_keys
from modechat.tui.terminal_input import Paste
from modechat.tui.widgets.prompt.folds import Folds, can_open, is_data
from modechat.tui.widgets.prompt.helpers import Helpers
from modechat.tui.widgets.prompt.mark_names import CHAT, COMMAND, FILE, INSTRUCT
from modechat.tui.widgets.safe_text_area import SafeTextArea

_OTHER_ENCODINGS = {"shift+\r": "shift+enter", "\r": "shift+enter"}
"""What Textual makes of xterm's encoding where it comes in pieces."""
_TOKEN = "prompt--token"
_BURST_SECONDS = 0.02
_INVISIBLE = "\u200c\u200d\u200e\u200f\u061c" + DIRECTIONS
_TAGS = range(0xE0020, 0xE0080)  # of flags of regions


class PromptArea(SafeTextArea):
    """The text area itself."""

    COMPONENT_CLASSES: ClassVar[set[str]] = SafeTextArea.COMPONENT_CLASSES | {
        _TOKEN,
        CHAT,
        INSTRUCT,
        COMMAND,
        FILE,
    }

    def __init__(self, submit: Callable[[], None], helpers: Helpers, keymap: Keymap) -> None:
        """`submit` is called at once when the user presses Enter: a message could arrive after the next key."""
        self._folds = Folds()  # Textual moves the cursor before it is done
        super().__init__(
            soft_wrap=True, tab_behavior="focus", compact=True, highlight_cursor_line=False
        )
        bind_edits(self, keymap)
        self._send_keys = frozenset(keymap.keys("send"))
        self._newline_keys = newline_keys(keymap)
        self._on_submit = submit
        self._helpers = helpers
        self._typed: Typed | None = None
        self._last_key_time = 0.0
        self._deferred_enter: Timer | None = None

    # The text

    @property
    def typed(self) -> Typed:
        """The text that is meant, with what is behind its tokens."""
        if self._typed is None:
            self._typed = self._folds.typed(self.text)
        return self._typed

    @property
    def selected_text(self) -> str:
        """With what is behind its tokens."""
        return self._folds.typed(super().selected_text).text

    def action_cut(self) -> None:
        if self.selection.is_empty:
            super().action_cut()
        else:
            self.app.copy_to_clipboard(self.selected_text)
            self._delete_via_keyboard(*self.selection)

    def meaning_of(self, line: str) -> Typed:
        """What is meant by a line that is shown."""
        return self._folds.typed(line)

    def show(self, typed: Typed, *, at_start: bool = False) -> None:
        """Put another text in the place of all that is there; it can be undone. The cursor goes to its end."""
        self.history.checkpoint()
        self.replace(
            self._folds.shown(typed), (0, 0), self.document.end, maintain_selection_offset=False
        )
        self.move_cursor((0, len(self.document[0])) if at_start else self.document.end)

    def begin_with(self, typed: Typed) -> None:
        """As `show`, and what was before cannot be brought back."""
        self.load_text(self._folds.shown(typed))
        self.move_cursor(self.document.end)

    def show_edited(self, before: Typed, text: str) -> None:
        """Show what was `before`, edited elsewhere."""
        self.show(self._folds.edited(before, text))

    def open_token(self) -> str:
        """Put the text in the place of the token that the cursor is at. Returns why not, or nothing."""
        span = self._token_at_cursor()
        if span is None:
            return "The cursor is at no pasted text."
        row, _ = self.cursor_location
        text = self._folds.text_of(self.document[row][slice(*span)])
        if not can_open(text):
            return "This cannot stand here as it is. An editor can change it."
        edit = self.replace(text, (row, span[0]), (row, span[1]), maintain_selection_offset=False)
        self.move_cursor(edit.end_location)
        return ""

    @property
    def is_at_token(self) -> bool:
        """Whether `open_token` would find one."""
        return self._token_at_cursor() is not None

    def type(self, text: str) -> None:
        """Put `text` in the place of the selection."""
        if edit := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(edit.end_location)

    def complete(self, start: Location, text: str) -> None:
        """Put `text` in the place of what stands between `start` and the cursor."""
        if edit := self._replace_via_keyboard(text, start, self.cursor_location):
            self.move_cursor(edit.end_location)

    # Keys

    async def _on_key(self, event: events.Key) -> None:
        in_burst = event.time - self._last_key_time < _BURST_SECONDS
        self._last_key_time = event.time
        self._make_deferred_enter_a_newline()
        key = _OTHER_ENCODINGS.get(event.key, event.key)
        if not (in_burst and key in ("enter", "tab")) and self._helpers.take_key(key):
            self._take(event)
        elif key == "tab" and not in_burst and self.is_at_token:
            self._take(event)
            self.open_token()
        elif key in self._send_keys:
            self._take(event)
            if key == "enter" and self._continues_line():
                self.complete((self.cursor_location[0], self.cursor_location[1] - 1), "\n")
            elif in_burst and key == "enter":
                self._deferred_enter = self.set_timer(_BURST_SECONDS, self._submit)
            else:
                self._submit()
        elif key in self._newline_keys:
            self._take(event)
            self.type("\n")
        elif self._recalls(key):
            self._take(event)
        elif event.character is not None and _is_joiner(event.character):
            self._take(event)
            self.type(event.character)
        elif (
            event.character is not None
            and event.is_printable
            and sanitize(event.character) != event.character
        ):
            self._take(event)
        elif bindings := self._bindings.key_to_bindings.get(key):
            # At once: Textual would send the key through the app, and letters that are typed next would overtake it.
            self._take(event)
            await self.run_action(bindings[-1].action)
        else:
            await super()._on_key(event)

    async def _on_paste(self, event: events.Paste) -> None:
        self._take(event)
        self._helpers.touched()
        self._last_key_time = event.time
        self._make_deferred_enter_a_newline()
        self.history.checkpoint()
        self._put_in(event.raw if isinstance(event, Paste) else event.text)

    def action_paste(self) -> None:
        self._put_in(self.app.clipboard)

    def _put_in(self, text: str) -> None:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.type(self._folds.fold(text) if is_data(text) else text)

    def submit_deferred(self) -> None:
        """If an Enter waits for more text, none will come."""
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._submit()

    def _submit(self) -> None:
        self._deferred_enter = None
        self._on_submit()

    def _make_deferred_enter_a_newline(self) -> None:
        """More follows the Enter at once: it belongs to a paste that came as keys, without brackets around it."""
        if self._deferred_enter is not None:
            self._deferred_enter.stop()
            self._deferred_enter = None
            self.type("\n")

    def _continues_line(self) -> bool:
        """Whether a backslash stands before the cursor, which makes Enter a new line."""
        row, column = self.cursor_location
        before = self.document[row][:column]
        return self.selection.is_empty and (len(before) - len(before.rstrip("\\"))) % 2 == 1

    def _recalls(self, key: str) -> bool:
        """Whether the key left the text at its edge, and brought what was sent before or after."""
        if not self.selection.is_empty:
            return False
        if key == "up":
            return (
                self.navigator.is_first_wrapped_line(self.cursor_location)
                and self._helpers.recall_older()
            )
        if key == "down":
            return (
                self.navigator.is_last_wrapped_line(self.cursor_location)
                and self._helpers.recall_newer()
            )
        return False

    @staticmethod
    def _take(event: events.Event) -> None:
        event.stop()
        event.prevent_default()

    # What Textual's text area asks for

    def update_suggestion(self) -> None:
        self._helpers.text_changed()

    def _build_highlight_map(self) -> None:
        super()._build_highlight_map()
        self._typed = None  # this is called after every change, those by undo as well

    def _recompute_cursor_offset(self) -> None:
        # When undo takes many lines away, Textual asks before it has moved the cursor, and raises ValueError.
        self._cursor_offset = self.wrapped_document.location_to_offset(
            self.clamp_visitable(self.cursor_location)
        )

    def find_matching_bracket(self, bracket: str, search_from: Location) -> Location | None:  # noqa: ARG002
        return None  # it would walk through the whole text at every move of the cursor

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end in self._folds.tokens(line.plain):
            line.stylize(self.get_component_rich_style(_TOKEN, partial=True), start, end)
        for start, end, name in self._helpers.marks_in(line_index):
            line.stylize(self.get_component_rich_style(name, partial=True), start, end)
        return line

    # Tokens are units

    def _validate_selection(self, selection: Selection) -> Selection:
        start, end = super()._validate_selection(selection)
        return Selection(
            self._outside_token(start, self.selection.start),
            self._outside_token(end, self.selection.end),
        )

    def _delete_via_keyboard(self, start: Location, end: Location) -> EditResult | None:
        return super()._delete_via_keyboard(*self._with_tokens(start, end))

    def _replace_via_keyboard(
        self, insert: str, start: Location, end: Location
    ) -> EditResult | None:
        return super()._replace_via_keyboard(insert, *self._with_tokens(start, end))

    def _outside_token(self, location: Location, before: Location) -> Location:
        """`location`, or the end of the token that it is inside of, on the side to which it moved."""
        row, column = location
        for start, end in self._tokens_in(row):
            if start < column < end:
                return row, end if before <= (row, start) else start
        return location

    def _with_tokens(self, start: Location, end: Location) -> tuple[Location, Location]:
        """The range, with all of the tokens that it has a part of."""
        start, end = sorted((start, end))
        for from_column, to_column in self._tokens_in(start[0]):
            if from_column < start[1] < to_column and start != end:
                start = start[0], from_column
        for from_column, to_column in self._tokens_in(end[0]):
            if from_column < end[1] < to_column and start != end:
                end = end[0], to_column
        return start, end

    def _token_at_cursor(self) -> tuple[int, int] | None:
        row, column = self.cursor_location
        return next((span for span in self._tokens_in(row) if span[0] <= column <= span[1]), None)

    def _tokens_in(self, row: int) -> list[tuple[int, int]]:
        return self._folds.tokens(self.document[row]) if row < self.document.line_count else []


def _is_joiner(character: str) -> bool:
    """Invisible parts of emoji and of some scripts' words, which Python does not count as printable."""
    return character in _INVISIBLE or (len(character) == 1 and ord(character) in _TAGS)
