"""A request as rows: the message as it was meant, and notes about it.

The message is shown as typed, because Markdown syntax may mean something else there. Only code
between fences is shown as code. An attached file is shown as its name and size until it is
unfolded.

Instruct turns show that the chat does not see them: the first in words, the others by a sign. Chat
turns show if the model saw no other message.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.conversation import Reply, Turn
from modechat.domain.message_parts import Part, PartKind, parts_of
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.mode_label import GLYPHS
from modechat.tui.render.code import CodeLeaf
from modechat.tui.render.leaves import TextLeaf, text_lines
from modechat.tui.render.rows import Lines, Prefix, Row, Stack

_MOST_ROWS = 30
"""Rows of a message; a longer one is folded."""
_FOLDED_ROWS = 16
UNSEEN = "⊘"
"""The sign of a turn that the chat does not see."""
_LONGEST_CODE = 20_000
"""Characters of code; longer code has no colours."""


class FoldedLines:
    """Shows only the first rows of a long message, until it is unfolded."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._height = 0
        self.is_open = False

    @property
    def is_foldable(self) -> bool:
        return self._height > _MOST_ROWS

    @property
    def _n_shown(self) -> int:
        """The number of rows that are shown."""
        if self.is_open or not self.is_foldable:
            return self._height
        return _FOLDED_ROWS

    def height(self, width: int) -> int:
        self._height = self._lines.height(width)
        return self._n_shown + int(self.is_foldable)

    def row(self, index: int) -> Row:
        if index < self._n_shown:
            return self._lines.row(index)
        text = "▾ fold"
        if not self.is_open:
            text = f"▸ {self._height - _FOLDED_ROWS:,} more rows"
        return Row(((text, ("muted",)),), is_frame=True)

    def n_settled(self) -> int:
        return 0


class FileLines:
    """An attached file: one row, which unfolds."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._is_open = False
        self._content: CodeLeaf | None = None

    def toggle(self) -> None:
        self._is_open = not self._is_open
        if self._content is None:
            _, dot, suffix = self._part.name.rpartition(".")
            self._content = _code(self._part, suffix if dot else "")

    def height(self, width: int) -> int:
        if self._content is None or not self._is_open:
            return 1
        return 1 + self._content.height(width)

    def row(self, index: int) -> Row:
        if index and self._content is not None:
            return self._content.row(index - 1)
        # The size includes the last line break.
        n_bytes = len(self._part.content.encode(errors="replace")) + 1
        arrow, written = "▸", self._part.text
        if self._is_open:
            arrow, written = "▾", f"{self._part.name}:"
        text = f"{arrow} {sanitize_line(self._part.name)} · {shown_bytes(n_bytes)}"
        return Row(((text, ("strong",)),), replaced=((0, len(text), sanitize(written)),))

    def n_settled(self) -> int:
        return 0


class RequestLines(FoldedLines):
    """The message as it was meant: its sections, without the headers."""

    def __init__(
        self, turn: Turn, without_history: Collection[str] = (), *, explains: bool = True
    ) -> None:
        """Show the message of `turn`.

        `without_history`: names of the formats whose prompts have only the last message of a chat.
        `explains`: words say the same as the sign.
        """
        self._explains = explains
        self._message = _request(turn)
        self._stack = Stack()
        super().__init__(self._stack)
        self.update(turn, without_history)

    def update(self, turn: Turn, without_history: Collection[str]) -> None:
        """Show changes of the turn other than its reply's text."""
        self._stack.parts = [
            *_label(turn, without_history, explains=self._explains),
            *self._message,
        ]
        if note := neutralised_note(turn.reply):
            self._stack.parts.append(text_lines(note, "warning"))

    def toggle_fold(self, index: int) -> bool:
        """Fold or unfold the message or a file after a click on this row.

        Return False if the row does neither.
        """
        if index >= self._n_shown:
            if self.is_foldable:
                self.is_open = not self.is_open
            return self.is_foldable
        part, row = self._stack.part_at(index)
        if row != 0 or not isinstance(part, FileLines):
            return False
        part.toggle()
        return True


def _request(turn: Turn) -> list[Lines]:
    request = turn.request
    if isinstance(request, ChatMessage):
        return _text(request.text)
    parts: list[Lines] = _text(request.instruction)
    for title, text in (("Input", request.input), ("The reply starts with", request.prefill)):
        if text:
            parts += [text_lines(title, "section", gap=True), *_text(text)]
    return parts


def _text(text: str) -> list[Lines]:
    """Return the lines of a text of the user, with its files and its code."""
    lines: list[Lines] = []
    for part in parts_of(text.replace("\r\n", "\n")):
        if part.kind is PartKind.FILE:
            lines.append(FileLines(part))
        elif part.kind is PartKind.CODE and len(part.content) <= _LONGEST_CODE:
            lines.append(_code(part, part.name))
        else:
            lines.append(text_lines(part.text))
    return lines


def _code(part: Part, language: str) -> CodeLeaf:
    if len(part.content) > _LONGEST_CODE:
        language = ""
    code = CodeLeaf(Prefix(), language, 0)
    code.grow(sanitize(part.content).split("\n"))
    code.settle()
    return code


def _label(turn: Turn, without_history: Collection[str], *, explains: bool) -> list[Lines]:
    """Return the line that says who sees a message; empty for an ordinary message of the chat."""
    if turn.mode is Mode.INSTRUCT and not turn.in_chat:
        where = UNSEEN
        if explains:
            where += " the chat does not see this"
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


def neutralised_note(reply: Reply) -> str:
    """Return a note of the control tokens in the user's message; empty if there are none."""
    if reply.stats is None or not reply.stats.neutralised:
        return ""
    texts: list[str] = []
    for text, count in Counter(reply.stats.neutralised).items():
        shown = sanitize_line(text)
        if count > 1:
            shown += f" ×{count}"
        texts.append(shown)
    return f"◇ sent as plain text: {' '.join(texts)}"
