"""Breaks styled text into rows of some cells: at spaces, between wide characters, or anywhere."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from rich.cells import cell_len, split_graphemes

from modechat.tui.render.drawn import drawn
from modechat.tui.render.rows import Piece, Row, Style, source_of, within

_WORDS = re.compile(r"[^ \t]+|[ \t]+")
_NO_START = frozenset("、。，．・：；？！）］｝〉》」』】〕’”…ー々ぁぃぅぇぉっゃゅょ,.!?:;)]}")
"""Characters that do not begin a row that is broken between wide characters."""


def wrap(
    pieces: Sequence[Piece], width: int, *, fill: Style = (), keep_spaces: bool = False
) -> list[Row]:
    """Return `pieces` in rows of at most `width` cells; at least one row.

    The text may have line breaks. Spaces at a break are left out. With `keep_spaces`, which is for
    code, they stay, and lines are broken at the last cell that fits.
    """
    return wrap_on(pieces, width, 0, fill=fill, keep_spaces=keep_spaces)[0]


def wrap_on(
    pieces: Sequence[Piece], width: int, column: int, *, fill: Style = (), keep_spaces: bool = False
) -> tuple[list[Row], int]:
    """Wrap a text that begins in the cell `column` of its line.

    Return the rows, and the number of cells of its line before the last row.
    """
    width = max(1, width)
    find_breaks = _hard_breaks if keep_spaces else _breaks
    rows: list[Row] = []
    for number, source in enumerate(_lines(pieces)):
        if number:
            column = 0
        line, replaced = drawn(source, column)
        text = "".join(part for part, _ in line)
        if len(text) <= width and text.isascii():
            rows.append(Row(tuple(line), fill, replaced=replaced))
            continue
        ends = list(accumulate(len(part) for part, _ in line))
        start = 0
        for end, following in find_breaks(text, width):
            is_last = following == len(text)
            parts = within(replaced, start, end, is_end=is_last)
            own = tuple((first - start, last - start, part) for first, last, part in parts)
            joint = "\n"
            if not is_last:
                joint = source_of(text, replaced, end, following)
                column += cell_len(text[start:following])
            rows.append(Row(_cut(line, ends, start, end), fill, joint=joint, replaced=own))
            start = following
    return rows, column


def _lines(pieces: Iterable[Piece]) -> Iterable[list[Piece]]:
    line: list[Piece] = []
    for text, style in pieces:
        first, *rest = text.split("\n")
        if first:
            line.append((first, style))
        for part in rest:
            yield line
            line = [(part, style)] if part else []
    yield line


def _breaks(text: str, width: int) -> list[tuple[int, int]]:
    """Return where rows of `text` end, and where the next ones begin (after the spaces)."""
    breaks: list[tuple[int, int]] = []
    used = row_end = spaces = 0
    for start, end, cells in _units(text, width):
        if text[start] in " \t":
            spaces += cells
            continue
        if used + spaces + cells > width and row_end:
            breaks.append((row_end, start))
            used = cells
        else:
            used += spaces + cells
        row_end, spaces = end, 0
    breaks.append((row_end, len(text)))
    return breaks


def _units(text: str, width: int) -> Iterator[tuple[int, int, int]]:
    """Yield the parts of a text that are not broken: start, end and cells of each."""
    for match in _WORDS.finditer(text):
        word, start = match[0], match.start()
        cells = cell_len(word)
        if cells <= width and cells == len(word):
            yield start, match.end(), cells
            continue
        held: tuple[int, int, int] | None = None
        for begin, end, size in split_graphemes(word)[0]:
            if held is not None and (cells <= width or size == 2) and word[begin] in _NO_START:
                held = (held[0], start + end, held[2] + size)
                continue
            if held is not None:
                yield held
            held = (start + begin, start + end, size)
        if held is not None:
            yield held


def _hard_breaks(text: str, width: int) -> list[tuple[int, int]]:
    """Return the same as `_breaks`, for breaks at the last cell that fits."""
    if text.isascii():
        starts = [*range(width, len(text), width), len(text)]
        return [(start, start) for start in starts]
    breaks: list[tuple[int, int]] = []
    used = 0
    for start, _, cells in split_graphemes(text)[0]:
        if used + cells > width and used:
            breaks.append((start, start))
            used = 0
        used += cells
    breaks.append((len(text), len(text)))
    return breaks


def _cut(line: Sequence[Piece], ends: Sequence[int], start: int, end: int) -> tuple[Piece, ...]:
    """Return the characters from `start` to `end` of a line whose pieces end at `ends`."""
    cut: list[Piece] = []
    at = bisect_right(ends, start)
    while at < len(line) and (position := ends[at] - len(line[at][0])) < end:
        text, style = line[at]
        cut.append((text[max(0, start - position) : end - position], style))
        at += 1
    return tuple(cut)
