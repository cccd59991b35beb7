"""Rows: the contents of single lines of the screen, with names of styles in place of colours."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol, TypeAlias

from rich.cells import cell_len

Style: TypeAlias = tuple[str, ...]
"""Names of styles, the outermost first; the widget that draws knows their colours."""
Piece: TypeAlias = tuple[str, Style]
"""Text without a line break, and its style."""
Replaced: TypeAlias = tuple[tuple[int, int, str], ...]
"""Parts of a row that are drawn in place of another text: first character, end, and that text.

They are in order.
"""

PLAIN: Style = ()
BULLETS = ("• ", "◦ ", "▪ ")
QUOTE_BAR, THINKING_BAR = "▌ ", "▏ "
TO_DO, DONE = "☐ ", "☑ "
_WRITTEN = {
    **dict.fromkeys(BULLETS, "- "),
    QUOTE_BAR: "> ",
    THINKING_BAR: "",
    TO_DO: "- [ ] ",
    DONE: "- [x] ",
}
"""The Markdown source of parts of a prefix."""


@dataclass(frozen=True, slots=True)
class Row:
    pieces: tuple[Piece, ...] = ()
    fill: Style = PLAIN
    """The style of the rest of the line."""
    prefix: int = 0
    """The number of characters at the start that are not text: bullets, bars, indentation."""
    joint: str = "\n"
    """The text between this row and the next: spaces or nothing where a line was wrapped."""
    padding: int = 0
    """The number of the prefix's last characters that are decoration: they are not copied."""
    is_frame: bool = False
    """True if no part of the row is text: it is not copied."""
    replaced: Replaced = ()
    """Texts that are copied in place of what is drawn."""
    code_number: int = 0
    """The number of the code block whose title this row shows; 0 for all other rows."""

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.pieces)

    @property
    def cells(self) -> int:
        return sum(cell_len(text) for text, _ in self.pieces)

    def source(self, start: int, end: int) -> str:
        """Return the text for which the characters from `start` to `end` are drawn."""
        return source_of(self.text, self.replaced, start, end)

    @property
    def source_pieces(self) -> list[Piece]:
        """The text for which the pieces are drawn, in their styles."""
        if not self.replaced:
            return list(self.pieces)
        pieces: list[Piece] = []
        at = 0
        for text, style in self.pieces:
            end = at + len(text)
            pieces.append((source_of(self.text, self.replaced, at, end), style))
            at = end
        return pieces


def source_of(text: str, replaced: Replaced, start: int, end: int) -> str:
    """Return the original of `text[start:end]`, before parts of it were `replaced`.

    A part that begins before `start` is left out.
    """
    parts: list[str] = []
    at = start
    for first, last, original in within(replaced, start, end, is_end=end == len(text)):
        parts += (text[at:first], original)
        at = last
    return "".join((*parts, text[at:end]))


def within(replaced: Replaced, start: int, end: int, *, is_end: bool) -> Replaced:
    """Return the entries of `replaced` between two characters.

    An entry that begins before `start` gets an empty text, so that it is not copied.
    """
    if not replaced:
        return ()
    at = bisect_left(replaced, (start,))
    found: list[tuple[int, int, str]] = []
    if at and replaced[at - 1][1] > start:
        found.append((start, min(end, replaced[at - 1][1]), ""))
    for first, last, original in islice(replaced, at, None):
        if first > end or (first == end and not (is_end and last == end)):
            break
        found.append((first, min(last, end), original))
    return tuple(found)


BLANK = Row()


class Lines(Protocol):
    """Text that can be laid out in rows."""

    def height(self, width: int) -> int:
        """Return the number of rows at this width in cells."""

    def row(self, index: int) -> Row:
        """Return one of the rows that `height` counted last."""

    def n_settled(self) -> int:
        """Return how many of those rows, from the first on, are final at this width.

        If rows that were final at the last call have changed since, return at most the number of
        rows before them.
        """


@dataclass(slots=True)
class Prefix:
    """The prefix of the rows of a block: a bullet before the first, indentation before the rest."""

    first: tuple[Piece, ...] = ()
    rest: tuple[Piece, ...] = ()
    gap: tuple[Piece, ...] | None = None
    """The prefix of a blank row before the block; None: there is no blank row."""
    cells: int = field(init=False)

    def __post_init__(self) -> None:
        self.cells = sum(cell_len(text) for text, _ in self.first)

    def within(self, room: int) -> Prefix:
        """Return its innermost `room` cells (each character of a prefix takes one)."""
        excess = self.cells - room
        if excess <= 0:
            return self
        first = tuple(strip_start(self.first, excess))
        rest = tuple(strip_start(self.rest, excess))
        if self.gap is None:
            return Prefix(first, rest)
        return Prefix(first, rest, tuple(strip_start(self.gap, excess)))

    @property
    def gap_row(self) -> Row:
        return _after(self.gap or (), BLANK)

    def before(self, row: Row, *, is_first: bool) -> Row:
        """Return the row with the prefix before it."""
        return _after(self.first if is_first else self.rest, row)


def _after(prefix: Sequence[Piece], row: Row) -> Row:
    if not prefix:
        return row
    replaced: list[tuple[int, int, str]] = []
    length = 0
    for text, _ in prefix:
        if text in _WRITTEN:
            replaced.append((length, length + len(text), _WRITTEN[text]))
        length += len(text)
    replaced += [(start + length, end + length, text) for start, end, text in row.replaced]
    return replace(
        row, pieces=(*prefix, *row.pieces), prefix=row.prefix + length, replaced=tuple(replaced)
    )


def joined(left: Row, right: Row) -> Row:
    """Return two parts joined to one row; everything but the text is that of the left one."""
    length = len(left.text)
    moved = tuple((start + length, end + length, text) for start, end, text in right.replaced)
    return replace(left, pieces=(*left.pieces, *right.pieces), replaced=(*left.replaced, *moved))


def strip_start(pieces: Iterable[Piece], count: int) -> list[Piece]:
    """Return the pieces without their first `count` characters."""
    kept = []
    for text, style in pieces:
        if count < len(text):
            kept.append((text[count:], style))
        count = max(0, count - len(text))
    return kept


def copied(rows: Iterable[Row], start: int = 0, end: int | None = None) -> str:
    """Return the text of `rows` as it was before it was wrapped, without decoration.

    It begins with the character `start` of the first row and ends before `end` of the last.
    """
    shown = list(rows)
    parts: list[str] = []
    continues = False
    for number, row in enumerate(shown):
        is_last = number == len(shown) - 1
        if row.is_frame:
            continues = False
            continue
        first = start if number == 0 else 0
        last = len(row.text)
        if is_last and end is not None:
            last = min(end, last)
        parts.append(_copied_part(row, first, last, continues=continues))
        if not is_last:
            parts.append(row.joint)
        continues = row.joint != "\n"
    return "".join(parts)


def _copied_part(row: Row, first: int, last: int, *, continues: bool) -> str:
    """Return the copied text of a row; `continues`: the row continues the line before."""
    if first >= row.prefix:
        part = row.source(first, last)
    else:
        part = row.source(row.prefix, max(row.prefix, last))
        if not continues:
            before = row.prefix - row.padding
            part = row.source(first, max(first, min(before, last))) + part
    is_code = row.padding > 0
    is_cut = last < len(row.text)
    if continues or is_code or is_cut:
        return part
    return part.rstrip()


class Blank:
    """One blank row."""

    def height(self, width: int) -> int:  # noqa: ARG002
        return 1

    def row(self, index: int) -> Row:  # noqa: ARG002
        return BLANK

    def n_settled(self) -> int:
        return 1


class Stack:
    """`Lines` that consist of other `Lines`, one below the other."""

    def __init__(self, *parts: Lines) -> None:
        self.parts: list[Lines] = list(parts)
        self._ends: list[int] = []

    def height(self, width: int) -> int:
        end = 0
        self._ends = []
        for part in self.parts:
            end += part.height(width)
            self._ends.append(end)
        return end

    def row(self, index: int) -> Row:
        part, within_part = self.part_at(index)
        return part.row(within_part)

    def part_at(self, index: int) -> tuple[Lines, int]:
        """Return the part that a row belongs to, and the index of the row in it."""
        at = bisect_right(self._ends, index)
        if at > 0:
            index -= self._ends[at - 1]
        return self.parts[at], index

    def n_settled(self) -> int:
        start = 0
        for part, end in zip(self.parts, self._ends, strict=False):
            settled = part.n_settled()
            if settled < end - start:
                return start + settled
            start = end
        return start
