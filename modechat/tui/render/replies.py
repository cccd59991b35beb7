"""A reply as rows: its thinking, its answer as Markdown, and how it ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from modechat.domain.conversation import (
    Reply,
    ReplyState,
    StopReason,
    Turn,
    leak_note,
    repetition_note,
)
from modechat.domain.text import LineEnds, ended, sanitize, sanitize_line
from modechat.tui.render.leaves import text_lines
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.rows import Blank, Lines, Row, Stack, Style
from modechat.tui.render.thinking import ThinkingLines

_PIECE = 4000
"""Characters of an answer that are laid out without a look at the clock."""
_SECONDS_AT_ONCE = 0.05


class ReplyLines:
    """Grows by `feed` and `flush`, and ends with `finish`."""

    def __init__(
        self,
        reply: Reply,
        *,
        unfold_thinking: bool = False,
        in_force: Callable[[str], str] = lambda text: text,
        how_it_ended: Callable[[Reply], str] | None = None,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """`in_force` puts the user's own keys into a text that names keys.

        `how_it_ended` says what stands below the reply, where that is not what stands there in a conversation.
        `clock` gives seconds of the processor.
        """
        self._clock = clock
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
        self._unread: deque[str] = deque()
        """Pieces of the answer that are not laid out yet."""
        self._finished = reply.state.is_final
        self._note = self._foot = ""
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
        return bool(self._pending or self._pending_thinking or self._unread)

    @property
    def is_finished(self) -> bool:
        return self._finished

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
        if reply.stop_reason is StopReason.REPEATS:
            self._begin_again(reply)
        self.flush()

    def _begin_again(self, reply: Reply) -> None:
        """Show what is kept of a reply, in place of all that came."""
        self._line_ends, self._thinking_line_ends = LineEnds(), LineEnds()
        self._thinking, self.answer = None, MarkdownDocument()
        self._source.clear()
        self._pending = [reply.text] if reply.text else []
        self._pending_thinking = [reply.thinking] if reply.thinking else []

    def say(self, note: str) -> None:
        """What happens before the first text comes."""
        self._note = note
        self._arrange()

    def show_foot(self, foot: str) -> bool:
        """What stands below the reply when it has ended, or has not begun; whether that is new."""
        foot = self._in_force(foot)
        if foot == self._foot:
            return False
        self._foot = foot
        self._arrange()
        return True

    def flush(self) -> None:
        """Show what was fed; of much text as much as can be shown at once. Then `has_more` says so."""
        if self._pending_thinking:
            if self._thinking is None:
                self._thinking = ThinkingLines(is_open=self._unfold_thinking)
            self._thinking.append(self._thinking_line_ends.feed("".join(self._pending_thinking)))
            self._pending_thinking.clear()
        if self._pending:
            text = sanitize(self._line_ends.feed("".join(self._pending)))
            self._pending.clear()
            self._source.append(text)
            self._unread += (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
        self._read()
        if self._thinking is not None and (self._source or self._finished):
            self._thinking.ended = True
        waits = not (self._source or self._thinking)
        if self._finished or (waits and not self._note):
            self._note = self._in_force(self._note_on(self._reply))
        elif not waits:
            self._note = ""
        self._arrange()

    def _read(self) -> None:
        """Lay out pieces of the answer until the time is over."""
        start = self._clock()
        while self._unread:
            self.answer.append(self._unread.popleft())
            if self._clock() - start >= _SECONDS_AT_ONCE:
                return

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
        if self._note and not self._unread:
            style: Style = ("error",) if self._reply.state is ReplyState.FAILED else ("muted",)
            parts.append(text_lines(self._note, *style, gap=bool(parts)))
        if (
            self._foot
            and not self._unread
            and (self._finished or not (self._source or self._thinking))
        ):
            parts.append(text_lines(self._foot, "muted", gap=bool(parts) and not self._note))
        self._stack.parts = parts


def foot_of(turn: Turn, model_before: str) -> str:
    """Who wrote the reply, where that changed, and which of its variants it is, with the keys that show the others."""
    model = sanitize_line(turn.reply.model)
    parts = [model] if model and model_before not in ("", turn.reply.model) else []
    if turn.n_variants > 1:
        parts.append(f"{turn.variant}/{turn.n_variants} ‹ Alt+Left · Alt+Right ›")
    return " · ".join(parts)


def note_on(reply: Reply) -> str:
    """How the reply ended, if that was not the ordinary way; what it waits for, if it has not begun."""
    error = sanitize(reply.error)
    match reply.state:
        case ReplyState.WAITING:
            return "…"
        case ReplyState.STOPPED:
            return (
                "■ stopped. /continue goes on" if reply.text else "■ stopped before the reply began"
            )
        case ReplyState.INTERRUPTED:
            what = ended(error or "modechat ended while it was written")
            goes_on = " /continue goes on." if reply.text else ""
            return f"✂ interrupted: {what} Ctrl+R asks again.{goes_on}"
        case ReplyState.FAILED:
            return f"✗ {error}"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LENGTH:
            return "⋯ cut: the longest reply that is allowed (max_tokens). /continue goes on"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.CONTEXT:
            return "⋯ cut: the context is full. /continue goes on"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LEAK:
            marker = sanitize_line(reply.stats.leak) if reply.stats is not None else ""
            return f"✂ {leak_note(marker)} Ctrl+] tries another."
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.REPEATS:
            goes_on = " /continue goes on." if reply.text else ""
            return f"✂ {repetition_note(reply.stats)} Ctrl+R asks again.{goes_on}"
        case ReplyState.COMPLETE if not reply.text and reply.thinking:
            return "The model thought, and answered nothing."
        case ReplyState.COMPLETE if not reply.text:
            return "The model answered with nothing."
        case _:
            return ""
