"""A table: columns as wide as their text where there is room, wrapped where not, one field a line where all fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from modechat.tui.render.drawn import drawn_cells
from modechat.tui.render.leaves import Leaf
from modechat.tui.render.rows import Piece, Prefix, Row, joined
from modechat.tui.render.wrap import wrap

Cells: TypeAlias = Sequence[list[Piece]]

_BETWEEN = " │ "
_NARROWEST = 4
"""Cells of a column; with less, a table is shown as a list of fields."""


class TableLeaf(Leaf):
    def __init__(self, prefix: Prefix, head: Cells, alignments: Sequence[str]) -> None:
        """`alignments`: `left`, `center` or `right` for each column."""
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
        """Whether the rows were laid out again since somebody asked."""

    def grow(self, rows: Sequence[Cells]) -> None:
        """More rows that are complete."""
        self._final += rows
        self._open = []
        self._natural = _widened(self._natural, rows)
        self._refresh()

    def show(self, rows: Sequence[Cells]) -> None:
        """The rows after those that are complete, so far."""
        self._open = list(rows)
        self._refresh()

    def lay_out(self, width: int) -> None:  # noqa: ARG002
        self._rows = []
        self._refresh()

    def n_settled(self) -> int:
        settled = 0 if self._is_new else self._first + len(self._rows)
        self._is_new = False
        return settled

    def count(self) -> int:
        return len(self._rows) + len(self._end)

    def inner_row(self, index: int) -> Row:
        return self._rows[index] if index < len(self._rows) else self._end[index - len(self._rows)]

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
        self._end = [row for cells in self._open for row in self._laid_out(cells)]
        if not self._widths and not self._final and not self._open:
            self._end = self._as_fields([[] for _ in self._head])

    def _top(self) -> list[Row]:
        if not self._widths:
            return []
        head = self._laid_out(
            [[(text, ("table-head", *style)) for text, style in cell] for cell in self._head]
        )
        rule = "─┼─".join("─" * width for width in self._widths)
        return [*head, Row(((rule, ("table-line",)),), is_frame=True)]

    def _laid_out(self, cells: Cells) -> list[Row]:
        if not self._widths:
            return self._as_fields(cells)
        columns = [wrap(cell, width) for cell, width in zip(cells, self._widths, strict=False)]
        rows = []
        for number in range(max(map(len, columns), default=0)):
            row = Row()
            for index, (column, width) in enumerate(zip(columns, self._widths, strict=False)):
                if index:
                    row = joined(
                        row,
                        Row(((_BETWEEN, ("table-line",)),), replaced=((0, len(_BETWEEN), "\t"),)),
                    )
                cell = column[number] if number < len(column) else Row()
                is_last = index == len(self._widths) - 1
                row = joined(row, _aligned(cell, width, self._alignments[index], is_last=is_last))
            rows.append(row)
        return rows

    def _as_fields(self, cells: Cells) -> list[Row]:
        rows: list[Row] = []
        for head, cell in zip(self._head, cells, strict=False):
            name = [(text, ("table-head", *style)) for text, style in head]
            rows += wrap([*name, (": ", ("table-head",)), *cell], self._width)
        return [*rows, Row((("─" * self._width, ("table-line",)),), is_frame=True)]


def _widened(natural: Sequence[int], rows: Sequence[Cells]) -> list[int]:
    """The cells that the columns want with more rows."""
    widths = list(natural)
    for cells in rows:
        for index, cell in enumerate(cells[: len(widths)]):
            widths[index] = max(widths[index], drawn_cells(cell))
    return widths


def fitted(natural: Sequence[int], room: int) -> list[int]:
    """Widths of columns that take at most `room` cells; empty if that leaves too little of them.

    The widest columns give way first.
    """
    widths = list(natural)
    excess = sum(widths) - room
    if (
        excess > 0
        and room < _NARROWEST * len(widths)
        and room < sum(min(width, _NARROWEST) for width in widths)
    ):
        return []
    while excess > 0:
        widest = max(widths)
        second = max((width for width in widths if width < widest), default=_NARROWEST)
        at = [index for index, width in enumerate(widths) if width == widest]
        cut = min(max(second, _NARROWEST), widest - 1)
        step = min(widest - cut, -(-excess // len(at)))
        for index in at:
            less = min(step, excess)
            widths[index] -= less
            excess -= less
    return widths


def _aligned(cell: Row, width: int, alignment: str, *, is_last: bool) -> Row:
    room = width - cell.cells
    left = {"right": room, "center": room // 2}.get(alignment, 0)
    right = 0 if is_last else room - left
    return joined(joined(_space(left), cell), _space(right))


def _space(width: int) -> Row:
    """Cells that are only for looks."""
    return Row(((" " * width, ()),), replaced=((0, width, ""),)) if width > 0 else Row()
