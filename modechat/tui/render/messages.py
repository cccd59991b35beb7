"""A turn as rows: what the user asked, and the reply with its thinking, its answer, and how it ended.

Instruct turns show that the chat does not see them, chat turns if the model saw nothing but them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from modechat.domain.conversation import Reply, ReplyState, StopReason, Turn, leak_note
from modechat.domain.modes import ChatMessage, Mode
from modechat.domain.text import LineEnds, sanitize, sanitize_line
from modechat.tui.render.leaves import TextLeaf
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.rows import BLANK, Lines, Piece, Prefix, Row, Stack, Style
from modechat.tui.widgets.mode_label import GLYPHS

_GAP: tuple[Piece, ...] = ()
_THOUGHT_BAR: Piece = ("▏ ", ("thinking-bar",))
_MOST_ROWS = 30
"""Of a message; a longer one is folded."""
_FOLDED_ROWS = 16
_LONGEST_OPEN_LINE = 2000
"""Characters of thinking without a line break, after which it is wrapped for good."""


def text_lines(text: str, *style: str, gap: bool = False) -> TextLeaf:
    """Plain text; `gap`: with a blank row before it."""
    leaf = TextLeaf(Prefix(gap=_GAP if gap else None), style)
    leaf.show([(sanitize(text.replace("\r\n", "\n")).expandtabs(4), ())])
    return leaf


class Blank:
    """One row with nothing."""

    def height(self, width: int) -> int:  # noqa: ARG002
        return 1

    def row(self, index: int) -> Row:  # noqa: ARG002
        return BLANK

    def n_settled(self) -> int:
        return 1


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

    def __init__(self, turn: Turn, without_history: Collection[str] = ()) -> None:
        """`without_history`: names of the formats in which a chat's prompt has its last message only."""
        self._message = _request(turn)
        self._stack = Stack()
        super().__init__(self._stack)
        self.update(turn, without_history)

    def update(self, turn: Turn, without_history: Collection[str]) -> None:
        """Show changes of the turn other than its reply's text."""
        self._stack.parts = [*_label(turn, without_history), *self._message]
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


def _label(turn: Turn, without_history: Collection[str]) -> list[Lines]:
    if turn.mode is Mode.INSTRUCT:
        where = "added to the chat" if turn.in_chat else "the chat does not see this"
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


class ThinkingLines:
    """What a reasoning model thought before it answered: one line, which opens. Plain text, never Markdown."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.ended = False
        self._words = 0
        self._in_word = False
        self._body = TextLeaf(Prefix((_THOUGHT_BAR,), (_THOUGHT_BAR,)), ("thinking",))
        self._line = ""
        """The last line, which is still being written."""
        self._joint = ""

    def append(self, text: str) -> None:
        text = sanitize(text).expandtabs(4)
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
        return 1 + (self._body.height(width) if self.is_open else 0)

    def row(self, index: int) -> Row:
        return self._body.row(index - 1) if index else Row(((self._heading(), ("muted",)),), is_frame=True)

    def n_settled(self) -> int:
        return 0

    def _heading(self) -> str:
        arrow = "▾" if self.is_open else "▸"
        count = f"{self._words:,} word{'' if self._words == 1 else 's'}"
        return f"{arrow} Thought · {count}" if self.ended else f"{arrow} Thinking… {count}"

    def _count(self, text: str) -> None:
        if not text:
            return
        continues = self._in_word and not text[0].isspace()
        self._words += len(text.split()) - (1 if continues else 0)
        self._in_word = not text[-1].isspace()


class ReplyLines:
    """Grows by `feed` and `flush`, and ends with `finish`."""

    def __init__(
        self,
        reply: Reply,
        *,
        unfold_thinking: bool = False,
        in_force: Callable[[str], str] = lambda text: text,
        how_it_ended: Callable[[Reply], str] | None = None,
    ) -> None:
        """`in_force` puts the user's own keys into a text that names keys.

        `how_it_ended` says what stands below the reply, where that is not what stands there in a conversation.
        """
        self._reply = reply
        self._in_force = in_force
        self._note_on = how_it_ended or note_on
        self._pending = [reply.text] if reply.text else []
        self._pending_thinking = [reply.thinking] if reply.thinking else []
        self._line_ends, self._thinking_line_ends = LineEnds(), LineEnds()
        self._unfold_thinking = unfold_thinking
        self._thinking: ThinkingLines | None = None
        self.answer = MarkdownDocument()
        self._source: list[str] = []
        self._finished = reply.state.is_final
        self._note = ""
        self._stack = Stack()
        self.flush()

    @property
    def source(self) -> str:
        """The answer as the model wrote it, as far as it is shown; safe to show."""
        return "".join(self._source)

    @property
    def has_thinking(self) -> bool:
        return self._thinking is not None

    @property
    def thinking_is_open(self) -> bool:
        return self._thinking is not None and self._thinking.is_open

    @property
    def is_waiting(self) -> bool:
        """Whether nothing has come yet."""
        return not (self._finished or self._source or self.has_thinking or self.has_more)

    @property
    def has_more(self) -> bool:
        """Whether something was fed that is not shown."""
        return bool(self._pending or self._pending_thinking)

    @property
    def n_thinking_rows(self) -> int:
        """Rows at the top that open the thinking when they are clicked."""
        return 1 if self._thinking is not None else 0

    def code_at(self, index: int) -> int:
        """The number of the code block whose title is in this row; 0 if none is."""
        row = self.row(index)
        number = row.pieces[-1][0].strip(" []") if row.is_frame and row.fill == ("code",) else ""
        return int(number) if number.isdecimal() else 0

    def open_thinking(self, is_open: bool) -> None:
        self._unfold_thinking = is_open
        if self._thinking is not None:
            self._thinking.is_open = is_open

    def feed(self, text: str, *, is_thinking: bool = False) -> None:
        """More text of the running reply."""
        (self._pending_thinking if is_thinking else self._pending).append(text)

    def finish(self, reply: Reply) -> None:
        """The reply has ended: `reply` is its final state. All text was fed before."""
        self._reply = reply
        self._finished = True
        self.flush()

    def say(self, note: str) -> None:
        """What happens before the first text comes."""
        self._note = note
        self._arrange()

    def flush(self) -> None:
        """Show what was fed."""
        if self._pending_thinking:
            if self._thinking is None:
                self._thinking = ThinkingLines(is_open=self._unfold_thinking)
            self._thinking.append(self._thinking_line_ends.feed("".join(self._pending_thinking)))
            self._pending_thinking.clear()
        if self._pending:
            text = sanitize(self._line_ends.feed("".join(self._pending)))
            self._pending.clear()
            self._source.append(text)
            self.answer.append(text)
        if self._thinking is not None and (self._source or self._finished):
            self._thinking.ended = True
        waits = not (self._source or self._thinking)
        if self._finished or (waits and not self._note):
            self._note = self._in_force(self._note_on(self._reply))
        elif not waits:
            self._note = ""
        self._arrange()

    def height(self, width: int) -> int:
        return self._stack.height(width)

    def row(self, index: int) -> Row:
        return self._stack.row(index)

    def n_settled(self) -> int:
        return self._stack.n_settled()

    def _arrange(self) -> None:
        parts: list[Lines] = []
        if self._thinking is not None:
            parts.append(self._thinking)
        if self._source:
            parts += [Blank(), self.answer] if parts else [self.answer]
        if self._note:
            style: Style = ("error",) if self._reply.state is ReplyState.FAILED else ("muted",)
            parts.append(text_lines(self._note, *style, gap=bool(parts)))
        self._stack.parts = parts


def note_on(reply: Reply) -> str:
    """How the reply ended, if that was not the ordinary way; what it waits for, if it has not begun."""
    error = sanitize(reply.error)
    match reply.state:
        case ReplyState.WAITING:
            return "…"
        case ReplyState.STOPPED:
            return "■ stopped. /continue goes on" if reply.text else "■ stopped before the reply began"
        case ReplyState.INTERRUPTED:
            what = error or "modechat ended while it was written"
            goes_on = " /continue goes on." if reply.text else ""
            return f"✂ interrupted: {what}. Ctrl+R asks again.{goes_on}"
        case ReplyState.FAILED:
            return f"✗ {error}"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LENGTH:
            return "⋯ cut: the longest reply that is allowed (max_tokens). /continue goes on"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.CONTEXT:
            return "⋯ cut: the context is full. /continue goes on"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LEAK:
            marker = sanitize_line(reply.stats.leak) if reply.stats is not None else ""
            return f"✂ {leak_note(marker)} Ctrl+F tries another."
        case ReplyState.COMPLETE if not reply.text and reply.thinking:
            return "The model thought, and answered nothing."
        case ReplyState.COMPLETE if not reply.text:
            return "The model answered with nothing."
        case _:
            return ""
