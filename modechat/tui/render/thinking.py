"""The thinking of a reasoning model as rows."""

from __future__ import annotations

from modechat.domain.counted import counted
from modechat.domain.text import sanitize
from modechat.tui.render.leaves import TextLeaf
from modechat.tui.render.rows import THINKING_BAR, Piece, Prefix, Row

_BAR: Piece = (THINKING_BAR, ("thinking-bar",))
_LONGEST_OPEN_LINE = 2000
"""Characters without a line break; of a longer line, all but the last word becomes final."""


class ThinkingLines:
    """The thinking before the answer: one line, which unfolds to plain text."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.ended = False
        self._words = 0
        self._in_word = False
        self._body = TextLeaf(Prefix((_BAR,), (_BAR,)), ("thinking",))
        self._line = ""
        """The last line, which is still being written."""
        self._joint = ""

    def append(self, text: str) -> None:
        text = sanitize(text)
        self._count(text)
        self._line += text
        cut = self._line.rfind("\n")
        if cut < 0 and len(self._line) > _LONGEST_OPEN_LINE:
            cut = self._line.rfind(" ")
        if cut >= 0:
            self._body.grow([(self._joint + self._line[:cut], ())])
            self._joint, self._line = self._line[cut], self._line[cut + 1 :]
        self._body.show([(self._joint + self._line, ())])

    def height(self, width: int) -> int:
        if not self.is_open:
            return 1
        return 1 + self._body.height(width)

    def row(self, index: int) -> Row:
        if index:
            return self._body.row(index - 1)
        return Row(((self._heading(), ("muted",)),), is_frame=True)

    def n_settled(self) -> int:
        return 0

    def _heading(self) -> str:
        arrow = "▾" if self.is_open else "▸"
        count = counted(self._words, "word")
        if self.ended:
            return f"{arrow} Thought · {count}"
        return f"{arrow} Thinking… {count}"

    def _count(self, text: str) -> None:
        if not text:
            return
        self._words += len(text.split())
        if self._in_word and not text[0].isspace():
            self._words -= 1
        self._in_word = not text[-1].isspace()
