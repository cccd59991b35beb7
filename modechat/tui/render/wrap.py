"""Breaking styled text into rows of at most some cells, at spaces, between wide characters, or where it must be."""

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
"""Does not begin a row, where the row is broken between wide characters."""


def wrap(
    pieces: Sequence[Piece], width: int, *, fill: Style = (), keep_spaces: bool = False
) -> list[Row]:
    """`pieces` (their text may have line breaks) in rows of at most `width` cells; at least one row.

    Spaces at a break are taken off, unless `keep_spaces`: code, which is broken at the last cell that fits.
    """
    return wrap_on(pieces, width, 0, fill=fill, keep_spaces=keep_spaces)[0]


def wrap_on(
    pieces: Sequence[Piece], width: int, column: int, *, fill: Style = (), keep_spaces: bool = False
) -> tuple[list[Row], int]:
    """As `wrap`, where cells of the first line were before: `column` of them. And how many before the last row."""
    width = max(1, width)
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
        for end, following in (_hard_breaks if keep_spaces else _breaks)(text, width):
            is_last = following == len(text)
            joint = "\n" if is_last else source_of(text, replaced, end, following)
            parts = within(replaced, start, end, is_end=is_last)
            own = tuple((first - start, last - start, part) for first, last, part in parts)
            rows.append(Row(_cut(line, ends, start, end), fill, joint=joint, replaced=own))
            if not is_last:
                column += cell_len(text[start:following])
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
    """Where rows of `text` end, and where the next ones begin (after the spaces)."""
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
    """What is not broken: from where to where in the text, and its cells."""
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
    breaks: list[tuple[int, int]] = []
    used = 0
    spans = (
        ((at, at + 1, 1) for at in range(len(text))) if text.isascii() else split_graphemes(text)[0]
    )
    for start, _, cells in spans:
        if used + cells > width and used:
            breaks.append((start, start))
            used = 0
        used += cells
    breaks.append((len(text), len(text)))
    return breaks


def _cut(line: Sequence[Piece], ends: Sequence[int], start: int, end: int) -> tuple[Piece, ...]:
    """The characters from `start` to `end` of a line whose pieces end at `ends`."""
    cut: list[Piece] = []
    at = bisect_right(ends, start)
    while at < len(line) and (position := ends[at] - len(line[at][0])) < end:
        text, style = line[at]
        cut.append((text[max(0, start - position) : end - position], style))
        at += 1
    return tuple(cut)
