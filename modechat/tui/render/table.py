"""A table. Its cells are wrapped if there is little room; it becomes a list if there is less."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from modechat.tui.render.drawn import drawn_cells
from modechat.tui.render.leaves import Leaf
from modechat.tui.render.rows import BLANK, Piece, Prefix, Row, joined
from modechat.tui.render.wrap import wrap

Cells: TypeAlias = Sequence[list[Piece]]

_BETWEEN = " │ "
_COLUMN_LINE = Row(((_BETWEEN, ("table-line",)),), replaced=((0, len(_BETWEEN), "\t"),))
_NARROWEST = 4
"""The least cells of a column; with fewer, a table is shown as a list of fields."""


class TableLeaf(Leaf):
    def __init__(self, prefix: Prefix, head: Cells, alignments: Sequence[str]) -> None:
        """Make a table without rows. `alignments`: `left`, `center` or `right` for each column."""
        super().__init__(prefix)
        self._head = list(head)
        self._alignments = list(alignments)
        self._natural = [max(1, drawn_cells(cell)) for cell in head]
        self._final: list[Cells] = []
        self._open: list[Cells] = []
        self._widths: list[int] = []
        self._rows: list[Row] = []
        self._end: list[Row] = []
        self._n_laid_out = 0
        self._is_new = True
        """True if all rows were laid out again since the last call of `take_changed`."""

    def grow(self, rows: Sequence[Cells]) -> None:
        """Add complete rows."""
        self._final += rows
        self._open = []
        self._natural = _widened(self._natural, rows)
        self._refresh()

    def show(self, rows: Sequence[Cells]) -> None:
        """Show these rows after the complete ones."""
        self._open = list(rows)
        self._refresh()

    def lay_out(self, width: int) -> None:  # noqa: ARG002
        self._rows = []
        self._refresh()

    def n_settled(self) -> int:
        return self._first + len(self._rows)

    def take_changed(self) -> bool:
        is_new, self._is_new = self._is_new, False
        return is_new

    def count(self) -> int:
        return len(self._rows) + len(self._end)

    def inner_row(self, index: int) -> Row:
        if index < len(self._rows):
            return self._rows[index]
        return self._end[index - len(self._rows)]

    def _refresh(self) -> None:
        if self._width <= 0:
            return
        natural = _widened(self._natural, self._open)
        widths = fitted(natural, self._width - len(_BETWEEN) * (len(natural) - 1))
        if widths != self._widths or not self._rows:
            self._widths = widths
            self._is_new = True
            self._rows = self._top()
            self._n_laid_out = 0
        for cells in self._final[self._n_laid_out :]:
            self._rows += self._laid_out(cells)
        self._n_laid_out = len(self._final)
        self._end = []
        for cells in self._open:
            self._end += self._laid_out(cells)
        if not self._widths and not self._final and not self._open:
            self._end = self._as_fields([[]] * len(self._head))

    def _top(self) -> list[Row]:
        if not self._widths:
            return []
        head = self._laid_out([_as_head(cell) for cell in self._head])
        rule = "─┼─".join("─" * width for width in self._widths)
        return [*head, Row(((rule, ("table-line",)),), is_frame=True)]

    def _laid_out(self, cells: Cells) -> list[Row]:
        if not self._widths:
            return self._as_fields(cells)
        columns = [wrap(cell, width) for cell, width in zip(cells, self._widths, strict=False)]
        height = max(map(len, columns), default=0)
        return [self._row_of(columns, number) for number in range(height)]

    def _row_of(self, columns: Sequence[list[Row]], number: int) -> Row:
        """Return the row that joins the rows with this number of all columns."""
        row = Row()
        for index, column in enumerate(columns):
            if index:
                row = joined(row, _COLUMN_LINE)
            cell = BLANK
            if number < len(column):
                cell = column[number]
            is_last = index == len(self._widths) - 1
            width, alignment = self._widths[index], self._alignments[index]
            row = joined(row, _aligned(cell, width, alignment, is_last=is_last))
        return row

    def _as_fields(self, cells: Cells) -> list[Row]:
        rows: list[Row] = []
        for head, cell in zip(self._head, cells, strict=False):
            rows += wrap([*_as_head(head), (": ", ("table-head",)), *cell], self._width)
        return [*rows, Row((("─" * self._width, ("table-line",)),), is_frame=True)]


def _as_head(cell: Sequence[Piece]) -> list[Piece]:
    return [(text, ("table-head", *style)) for text, style in cell]


def _widened(natural: Sequence[int], rows: Sequence[Cells]) -> list[int]:
    """Return the cells that the columns need with more rows."""
    widths = list(natural)
    for cells in rows:
        for index, cell in enumerate(cells[: len(widths)]):
            widths[index] = max(widths[index], drawn_cells(cell))
    return widths


def fitted(natural: Sequence[int], room: int) -> list[int]:
    """Return the widths of columns that take at most `room` cells together.

    The widest columns shrink first. Return an empty list if the columns would be too narrow.
    """
    widths = list(natural)
    excess = sum(widths) - room
    if excess <= 0:
        return widths
    narrowest = [min(width, _NARROWEST) for width in widths]
    if room < sum(narrowest):
        return []
    while excess > 0:
        widest, *others = sorted(set(widths), reverse=True)
        second = max([_NARROWEST, *others])
        at = [index for index, width in enumerate(widths) if width == widest]
        step = min(max(1, widest - second), -(-excess // len(at)))
        for index in at:
            less = min(step, excess)
            widths[index] -= less
            excess -= less
    return widths


def _aligned(cell: Row, width: int, alignment: str, *, is_last: bool) -> Row:
    """Return the cell with spaces around it; the last cell of a row has none behind it."""
    room = width - cell.cells
    left = {"right": room, "center": room // 2}.get(alignment, 0)
    row = joined(_space(left), cell)
    if is_last:
        return row
    return joined(row, _space(room - left))


def _space(width: int) -> Row:
    """Return spaces that are not copied."""
    if width <= 0:
        return BLANK
    return Row(((" " * width, ()),), replaced=((0, width, ""),))
