"""A block of code: its language and number in a title row, then the coloured lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.cells import cell_len, set_cell_size

from modechat.tui.render.drawn import drawn
from modechat.tui.render.highlight import Highlighter
from modechat.tui.render.leaves import Leaf
from modechat.tui.render.rows import Piece, Prefix, Row
from modechat.tui.render.wrap import wrap

_NARROWEST_TITLE = 12
"""Cells; a narrower block does not show its number."""
_FILL = ("code",)


class CodeLeaf(Leaf):
    def __init__(self, prefix: Prefix, language: str, number: int) -> None:
        """Make an empty block.

        `number` counts the code blocks of the message from 1; 0: no number.
        """
        super().__init__(prefix)
        self.language = language
        self.number = number
        self._lines: list[str] = []
        self._highlighter = Highlighter(language)
        self._open: list[str] = []
        self._title = Row()
        self._rows: list[Row] = []
        """The rows of the settled lines."""
        self._n_settled = 0
        self._end: list[Row] = []
        self._has_grown = False
        """True once a line is final.

        Before that the first line may still be written, so the language may change.
        """

    @property
    def source(self) -> str:
        return "\n".join((*self._lines, *self._open))

    def grow(self, lines: Sequence[str]) -> None:
        """Add final lines."""
        self._has_grown = True
        self._lines += lines
        self._highlighter.add(lines)
        self._open = []
        self._refresh()

    def show(self, lines: Sequence[str], partial: str = "") -> None:
        """Show these lines after the final ones, and `partial`, the line that is being written."""
        following = list(lines)
        if partial:
            following.append(partial)
        if following != self._open:
            self._open = following
            self._refresh()

    def settle(self) -> None:
        self.grow(self._open)
        self._highlighter.finish()
        self._refresh()

    def lay_out(self, width: int) -> None:
        self._title = self._title_row(width)
        self._rows, self._n_settled = [], 0
        self._refresh()

    def _title_row(self, width: int) -> Row:
        words = self.language.split() or ["text"]
        language, _ = drawn([(words[0], ())])
        name = "".join(text for text, _ in language)
        number, shown_number = "", 0
        if self.number and width >= _NARROWEST_TITLE:
            number, shown_number = f"[{self.number}] ", self.number
        name = set_cell_size(name, min(cell_len(name), max(0, width - len(number) - 2)))
        space = " " * max(0, width - cell_len(name) - len(number) - 1)
        style = ("code", "code-title")
        pieces = ((f" {name}", style), (space, _FILL), (number, style))
        return Row(pieces, _FILL, is_frame=True, code_number=shown_number)

    def n_settled(self) -> int:
        if not self._has_grown:
            return 0
        return self._first + 1 + len(self._rows)

    def count(self) -> int:
        return 1 + len(self._rows) + len(self._end)

    def inner_row(self, index: int) -> Row:
        if index == 0:
            return self._title
        index -= 1
        if index < len(self._rows):
            return self._rows[index]
        return self._end[index - len(self._rows)]

    def _refresh(self) -> None:
        if self._width <= 0:
            return
        settled = self._highlighter.settled
        for line in settled[self._n_settled :]:
            self._rows += self._wrapped(line)
        self._n_settled = len(settled)
        self._end = []
        for line in self._highlighter.unsettled:
            self._end += self._wrapped(line)
        for text in self._open:
            self._end += self._wrapped([(text, ())])

    def _wrapped(self, line: Sequence[Piece]) -> list[Row]:
        pieces = [(text, ("code", *style)) for text, style in line]
        rows = wrap(pieces, max(1, self._width - 2), fill=_FILL, keep_spaces=True)
        margin = Prefix(rest=((" ", _FILL),))
        return [replace(margin.before(row, is_first=False), padding=1) for row in rows]
