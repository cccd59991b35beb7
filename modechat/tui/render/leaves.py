"""Blocks of text without blocks inside: paragraphs, headings, rules.

Each is laid out once for a width. A leaf may grow: text from `grow` is final, text from the last
`show` is its open end.
"""

from __future__ import annotations

from collections.abc import Sequence

from modechat.domain.text import sanitize
from modechat.tui.render.rows import Piece, Prefix, Row, Style
from modechat.tui.render.wrap import wrap_on


class Leaf:
    """`Lines` with a prefix, which takes at most half of the width.

    Subclasses make the rows behind the prefix.
    """

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = self._shown_prefix = prefix
        self._width = -1
        self._first = int(prefix.gap is not None)
        """The index of the first row after the blank one."""

    def height(self, width: int) -> int:
        self._shown_prefix = self._prefix.within(width // 2)
        inner = max(1, width - self._shown_prefix.cells)
        if inner != self._width:
            self._width = inner
            self.lay_out(inner)
        return self._first + self.count()

    def row(self, index: int) -> Row:
        number = index - self._first
        if number < 0:
            return self._shown_prefix.gap_row
        return self._shown_prefix.before(self.inner_row(number), is_first=number == 0)

    def n_settled(self) -> int:
        """Return how many rows, from the first on, are final at this width."""
        return 0

    def take_changed(self) -> bool:
        """Return True if final rows have changed since the last call."""
        return False

    def lay_out(self, width: int) -> None:
        """Make all rows for a new width (cells, at least 1)."""
        raise NotImplementedError

    def count(self) -> int:
        """Return the number of rows, without the blank one before them."""
        raise NotImplementedError

    def inner_row(self, index: int) -> Row:
        """Return a row without its prefix."""
        raise NotImplementedError

    def settle(self) -> None:
        """Make the open end final, because nothing more will come."""


class TextLeaf(Leaf):
    """A paragraph or a heading."""

    def __init__(self, prefix: Prefix, style: Style = ()) -> None:
        super().__init__(prefix)
        self.style = style
        self._final: list[Piece] = []
        self._open: list[Piece] = []
        self._carry: list[Piece] = []
        """The final text from the start of its last row on; later text continues this row."""
        self._column = 0
        """Cells of the line before that row."""
        self._rows: list[Row] = []
        self._n_final = 0

    def grow(self, pieces: Sequence[Piece]) -> None:
        """Add final text.

        It begins with what joins it to the text before: a space or a line break.
        """
        pieces = self._styled(pieces)
        self._final += pieces
        self._open = []
        if self._width > 0:
            self._wrap_final(pieces)

    def show(self, pieces: Sequence[Piece]) -> None:
        """Show this text after the final text, in place of the open end."""
        self._open = self._styled(pieces)
        if self._width > 0:
            self._wrap_open()

    def settle(self) -> None:
        self._final += self._open
        opened, self._open = self._open, []
        if self._width > 0:
            self._wrap_final(opened)

    def _styled(self, pieces: Sequence[Piece]) -> list[Piece]:
        if not self.style:
            return list(pieces)
        return [(text, (*self.style, *style)) for text, style in pieces]

    def lay_out(self, width: int) -> None:  # noqa: ARG002
        self._rows, self._carry, self._column, self._n_final = [], [], 0, 0
        self._wrap_final(self._final)
        self._wrap_open()

    def n_settled(self) -> int:
        if not self._n_final:
            return 0
        return self._first + self._n_final

    def count(self) -> int:
        return len(self._rows)

    def inner_row(self, index: int) -> Row:
        return self._rows[index]

    def _wrap_final(self, pieces: Sequence[Piece]) -> None:
        del self._rows[self._n_final :]
        text = [*self._carry, *pieces]
        if not text:
            self._n_final = len(self._rows)
            return
        rows, self._column = wrap_on(text, self._width, self._column)
        self._rows += rows[:-1]
        self._carry = rows[-1].source_pieces
        self._n_final = len(self._rows)
        self._rows.append(rows[-1])

    def _wrap_open(self) -> None:
        if self._open or not self._carry:
            del self._rows[self._n_final :]
            self._rows += wrap_on([*self._carry, *self._open], self._width, self._column)[0]


class RuleLeaf(Leaf):
    """A horizontal line."""

    def lay_out(self, width: int) -> None:
        self._rule = Row((("─" * width, ("rule",)),), is_frame=True)

    def count(self) -> int:
        return 1

    def inner_row(self, index: int) -> Row:  # noqa: ARG002
        return self._rule


def text_lines(text: str, *style: str, gap: bool = False) -> TextLeaf:
    """Return the lines of a plain text; `gap`: with a blank row before it."""
    leaf = TextLeaf(Prefix(gap=() if gap else None), style)
    leaf.show([(sanitize(text.replace("\r\n", "\n")), ())])
    return leaf
