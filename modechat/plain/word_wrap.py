"""Lines that are broken between words where a terminal would break them within: for text that comes in pieces. Pure.

Code and tables keep their lines, and so does what is too long for any line.
"""

from __future__ import annotations

import re
import unicodedata

_PIECES = re.compile(r"\n|[^\S\n]+|\S+")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_LEAST_WIDTH = 20


class WordWrap:
    """Remembers the column from piece to piece. It begins at the beginning of a line."""

    def __init__(self) -> None:
        self._column = 0
        self._space = ""
        """White space that has come and is not written: perhaps the line is broken there."""
        self._is_new_line = True
        self._keeps_line = False
        self._fence = ""

    def feed(self, text: str, width: int) -> str:
        """`text` with newlines in place of the spaces where the next word does not fit. `width` is in cells."""
        if width < _LEAST_WIDTH:
            return text
        written = []
        for piece in _PIECES.findall(text):
            if piece == "\n":
                written.append(
                    f"{self._space if self._column + len(self._space) <= width else ''}\n"
                )
                self.begin_line()
            elif piece.isspace():
                self._space += piece
            else:
                written.append(self._word(piece, width))
        return "".join(written)

    def begin_line(self) -> None:
        """What comes next stands at the beginning of a line."""
        self._column, self._space = 0, ""
        self._is_new_line, self._keeps_line = True, False

    def _word(self, word: str, width: int) -> str:
        if self._is_new_line:
            self._look_at_line(word)
        space, self._space = self._space, ""
        cells = cell_width(word)
        if (
            not self._keeps_line
            and space
            and self._column
            and self._column + len(space) + cells > width
        ):
            self._column = cells
            return f"\n{word}"
        self._column += len(space) + cells
        return space + word

    def _look_at_line(self, word: str) -> None:
        """What its first word says of a line."""
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
    """Columns that a terminal gives to `text`."""
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
