"""Replaces characters of a text by others that take the same number of cells in every terminal.

Tabs become spaces. Characters that terminals count in different ways are left out: joiners and
selectors of emoji, skin tones, soft hyphens, marks of direction. Flags are drawn as their two
letters. The original of each part is kept, so that copying gives the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from rich.cells import cell_len

from modechat.tui.render.rows import Piece, Replaced

TAB = 4
"""Cells from one tab stop to the next."""
_INVISIBLE = (
    "\u00ad\u061c\u180e\u200b\u200d-\u200f\u2060-\u2064\u206a-\u206f\ufe0e\ufe0f\ufeff\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
_TONES = "\U0001f3fb-\U0001f3ff"
_FLAG_LETTERS = "\U0001f1e6-\U0001f1ff"
_OTHERWISE = re.compile(f"\t|[{_INVISIBLE}]+|[{_TONES}]|[{_FLAG_LETTERS}]")
_FIRST_HAND = "\u261d"
"""The first character that can have a skin tone."""

Drawn: TypeAlias = tuple[list[Piece], Replaced]


def drawn(line: Sequence[Piece], column: int = 0) -> Drawn:
    """Return what is drawn for a line of text that begins in `column`, and what it replaces."""
    if not any(_is_other(text) for text, _ in line):
        return list(line), ()
    pieces: list[Piece] = []
    replaced: list[tuple[int, int, str]] = []
    length = 0
    before = ""
    for text, style in line:
        parts: list[str] = []
        at = 0
        for match in _OTHERWISE.finditer(text):
            same = text[at : match.start()]
            column += cell_len(same)
            length += len(same)
            shown = _shown(match[0], column, same[-1:] or before)
            if shown != match[0]:
                replaced.append((length, length + len(shown), match[0]))
            parts += (same, shown)
            column += cell_len(shown)
            length += len(shown)
            before = match[0][-1]
            at = match.end()
        rest = text[at:]
        parts.append(rest)
        column += cell_len(rest)
        length += len(rest)
        before = rest[-1:] or before
        pieces.append(("".join(parts), style))
    return [piece for piece in pieces if piece[0]], tuple(replaced)


def drawn_cells(line: Sequence[Piece]) -> int:
    """Return the number of cells that a line of text takes."""
    return sum(cell_len(text) for text, _ in drawn(line)[0])


def _is_other(text: str) -> bool:
    if text.isascii():
        return "\t" in text
    return _OTHERWISE.search(text) is not None


def _shown(text: str, column: int, before: str) -> str:
    """Return what is drawn for a match of `_OTHERWISE` after the character `before`."""
    if text == "\t":
        return " " * (TAB - column % TAB)
    if "\U0001f3fb" <= text <= "\U0001f3ff":
        return "" if before >= _FIRST_HAND else "▒"
    if "\U0001f1e6" <= text <= "\U0001f1ff":
        return chr(ord(text) - 0x1F1E6 + ord("A"))
    return ""
