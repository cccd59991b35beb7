"""Breaks lines between words, where a terminal would break them inside a word.

The text may come in pieces. Code, tables and words that are longer than a line are not broken.
"""

from __future__ import annotations

import re
import unicodedata

_PIECES = re.compile(r"\n|[^\S\n]+|\S+")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_LEAST_WIDTH = 20


class WordWrap:
    """Remembers the column between pieces, starting at the beginning of a line."""

    def __init__(self) -> None:
        self._column = 0
        self._space = ""
        """White space that is not written yet, because a line may be broken there."""
        self._is_new_line = True
        self._keeps_line = False
        self._fence = ""

    def feed(self, text: str, width: int) -> str:
        """Replace spaces by newlines where the next word does not fit. `width` is in cells."""
        if width < _LEAST_WIDTH:
            return text
        written = []
        for piece in _PIECES.findall(text):
            if piece == "\n":
                if self._column + len(self._space) <= width:
                    written.append(self._space)
                written.append("\n")
                self.begin_line()
            elif piece.isspace():
                self._space += piece
            else:
                written.append(self._word(piece, width))
        return "".join(written)

    def begin_line(self) -> None:
        """Note that the next text stands at the beginning of a line."""
        self._column, self._space = 0, ""
        self._is_new_line, self._keeps_line = True, False

    def _word(self, word: str, width: int) -> str:
        if self._is_new_line:
            self._look_at_line(word)
        space, self._space = self._space, ""
        cells = cell_width(word)
        is_too_long = self._column + len(space) + cells > width
        if is_too_long and space and self._column and not self._keeps_line:
            self._column = cells
            return f"\n{word}"
        self._column += len(space) + cells
        return space + word

    def _look_at_line(self, word: str) -> None:
        """Decide by its first word whether the line must be kept."""
        self._is_new_line = False
        fence = _FENCE.match(word)
        self._keeps_line = (
            bool(self._fence or fence)
            or word.startswith("|")
            or len(self._space.expandtabs(4)) >= 4
        )
        if fence and not self._fence:
            self._fence = fence[1]
        elif fence and word.startswith(self._fence):
            self._fence = ""


def cell_width(text: str) -> int:
    """Return the number of columns that `text` takes in a terminal."""
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
