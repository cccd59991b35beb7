"""A text area in which the token of a big paste is one unit: the cursor never stands inside it.

Every change can be undone, also those that are not typed.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual.document._document import EditResult, Location, Selection

from modechat.domain.typed import Typed
from modechat.tui.widgets.prompt.folds import Folds, can_open
from modechat.tui.widgets.safe_text_area import SafeTextArea

_TOKEN = "prompt--token"


class TokenArea(SafeTextArea):
    COMPONENT_CLASSES: ClassVar[set[str]] = SafeTextArea.COMPONENT_CLASSES | {_TOKEN}

    def __init__(self, **options: Any) -> None:
        """Pass `options` to Textual's text area."""
        self.folds = Folds()  # set first: Textual's constructor moves the cursor
        self._typed: Typed | None = None
        super().__init__(**options)

    # The text

    @property
    def typed(self) -> Typed:
        """The text that is meant, with the texts of its tokens."""
        if self._typed is None:
            self._typed = self.folds.typed(self.text)
        return self._typed

    @property
    def selected_text(self) -> str:
        """The selected text, with the texts of its tokens."""
        return self.folds.typed(super().selected_text).text

    def action_cut(self) -> None:
        if self.selection.is_empty:
            super().action_cut()
        else:
            self.app.copy_to_clipboard(self.selected_text)
            self._delete_via_keyboard(*self.selection)

    def meaning_of(self, line: str) -> Typed:
        """Return the meaning of a line that is shown."""
        return self.folds.typed(line)

    def show(self, typed: Typed, *, at_start: bool = False) -> None:
        """Replace the whole text; undo brings the old one back.

        The cursor goes to the end, or to the end of the first line if `at_start`.
        """
        self.history.checkpoint()
        shown = self.folds.shown(typed)
        self.replace(shown, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor((0, len(self.document[0])) if at_start else self.document.end)

    def begin_with(self, typed: Typed) -> None:
        """Replace the whole text, so that undo cannot bring the old one back."""
        self.load_text(self.folds.shown(typed))
        self.move_cursor(self.document.end)

    def show_edited(self, before: Typed, text: str) -> None:
        """Show `text`, the form of `before` that was edited elsewhere."""
        self.show(self.folds.edited(before, text))

    def type(self, text: str) -> None:
        """Replace the selection by `text`."""
        edit = self._replace_via_keyboard(text, *self.selection)
        if edit is not None:
            self.move_cursor(edit.end_location)

    def complete(self, start: Location, text: str) -> None:
        """Replace the text between `start` and the cursor by `text`."""
        edit = self._replace_via_keyboard(text, start, self.cursor_location)
        if edit is not None:
            self.move_cursor(edit.end_location)

    # Tokens

    @property
    def is_at_token(self) -> bool:
        """True while the cursor is at a token."""
        return self._token_at_cursor() is not None

    def open_token(self) -> str:
        """Replace the token at the cursor by its text.

        Return the reason if that is impossible, else an empty text.
        """
        span = self._token_at_cursor()
        if span is None:
            return "The cursor is at no pasted text."
        row, _ = self.cursor_location
        text = self.folds.text_of(self.document[row][slice(*span)])
        if not can_open(text):
            return "This cannot stand here as it is. An editor can change it."
        edit = self.replace(text, (row, span[0]), (row, span[1]), maintain_selection_offset=False)
        self.move_cursor(edit.end_location)
        return ""

    def _token_at_cursor(self) -> tuple[int, int] | None:
        row, column = self.cursor_location
        for start, end in self._tokens_in(row):
            if start <= column <= end:
                return start, end
        return None

    def _tokens_in(self, row: int) -> list[tuple[int, int]]:
        return self.folds.tokens(self.document[row]) if row < self.document.line_count else []

    def _outside_token(self, location: Location, before: Location) -> Location:
        """Return `location`, moved to the end of the token that it is inside."""
        row, column = location
        for start, end in self._tokens_in(row):
            if start < column < end:
                return row, end if before <= (row, start) else start
        return location

    def _with_tokens(self, start: Location, end: Location) -> tuple[Location, Location]:
        """Return the range, extended to the whole of each token that it cuts."""
        start, end = sorted((start, end))
        if start == end:
            return start, end
        for token_start, token_end in self._tokens_in(start[0]):
            if token_start < start[1] < token_end:
                start = start[0], token_start
        for token_start, token_end in self._tokens_in(end[0]):
            if token_start < end[1] < token_end:
                end = end[0], token_end
        return start, end

    # What Textual's text area calls

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end in self.folds.tokens(line.plain):
            line.stylize(self.get_component_rich_style(_TOKEN, partial=True), start, end)
        return line

    def _build_highlight_map(self) -> None:
        super()._build_highlight_map()
        self._typed = None  # this is called after every change, also by undo

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
