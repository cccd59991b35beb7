"""A request as rows: the message as it was meant, and what is worth knowing about it.

Instruct turns show that the chat does not see them: the first in words, the others by a sign. Chat turns show if the
model saw nothing but them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from modechat.domain.conversation import Reply, Turn
from modechat.domain.modes import ChatMessage, Mode
from modechat.domain.text import sanitize_line
from modechat.tui.mode_label import GLYPHS
from modechat.tui.render.leaves import TextLeaf, text_lines
from modechat.tui.render.rows import Lines, Prefix, Row, Stack

_MOST_ROWS = 30
"""Of a message; a longer one is folded."""
_FOLDED_ROWS = 16
UNSEEN = "⊘"
"""The sign of what the chat does not see."""


class FoldedLines:
    """Only the first rows of many, until it is unfolded: a file that was attached should not hide the conversation."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._height = 0
        self.is_open = False

    @property
    def is_foldable(self) -> bool:
        return self._height > _MOST_ROWS

    def height(self, width: int) -> int:
        self._height = self._lines.height(width)
        if not self.is_foldable:
            return self._height
        return (self._height if self.is_open else _FOLDED_ROWS) + 1

    def row(self, index: int) -> Row:
        if self.is_foldable and index == (self._height if self.is_open else _FOLDED_ROWS):
            text = "▾ fold" if self.is_open else f"▸ {self._height - _FOLDED_ROWS:,} more rows"
            return Row(((text, ("muted",)),), is_frame=True)
        return self._lines.row(index)

    def n_settled(self) -> int:
        return 0


class RequestLines(FoldedLines):
    """The message as it was meant: its sections, without the headers."""

    def __init__(self, turn: Turn, without_history: Collection[str] = (), *, explains: bool = True) -> None:
        """`without_history`: names of the formats in which a chat's prompt has its last message only.

        `explains`: whether it says in words what a sign says as well.
        """
        self._explains = explains
        self._message = _request(turn)
        self._stack = Stack()
        super().__init__(self._stack)
        self.update(turn, without_history)

    def update(self, turn: Turn, without_history: Collection[str]) -> None:
        """Show changes of the turn other than its reply's text."""
        self._stack.parts = [*_label(turn, without_history, explains=self._explains), *self._message]
        if note := defused_note(turn.reply):
            self._stack.parts.append(text_lines(note, "warning"))

    def toggle_fold(self, index: int) -> bool:
        """Fold or unfold, if this row says so. False: it does not."""
        if not self.is_foldable or index != (self._height if self.is_open else _FOLDED_ROWS):
            return False
        self.is_open = not self.is_open
        return True


def _request(turn: Turn) -> list[Lines]:
    request = turn.request
    if isinstance(request, ChatMessage):
        return [text_lines(request.text)]
    parts: list[Lines] = [text_lines(request.instruction)]
    for title, text in (("Input", request.input), ("The reply starts with", request.prefill)):
        if text:
            parts += [text_lines(title, "section", gap=True), text_lines(text)]
    return parts


def _label(turn: Turn, without_history: Collection[str], *, explains: bool) -> list[Lines]:
    if turn.mode is Mode.INSTRUCT and not turn.in_chat:
        where = f"{UNSEEN} the chat does not see this" if explains else UNSEEN
    elif turn.mode is Mode.INSTRUCT:
        where = "added to the chat"
    elif turn.pinned:
        where = "pinned: it stays when the context is full"
    elif turn.reply.stats is not None and turn.reply.stats.format in without_history:
        where = "only this message was sent"
    else:
        return []
    leaf = TextLeaf(Prefix(), (f"mode-{turn.mode}",))
    leaf.show([(f"{GLYPHS[turn.mode]} {turn.mode}", ("strong",)), (f" · {where}", ())])
    return [leaf]


def defused_note(reply: Reply) -> str:
    """Which texts of control tokens the user's message had; empty if none, or if it is not known yet."""
    if reply.stats is None or not reply.stats.defused:
        return ""
    counts = Counter(reply.stats.defused)
    texts = (sanitize_line(text) + (f" ×{count}" if count > 1 else "") for text, count in counts.items())
    return f"◇ sent as plain text: {' '.join(texts)}"
