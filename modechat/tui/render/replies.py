"""A reply as rows: its thinking, its answer as Markdown, and how it ended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from modechat.commands.end_notes import note_on_screen
from modechat.domain.conversation import Reply, ReplyState, StopReason, Turn
from modechat.domain.key_names import key
from modechat.domain.text import LineEnds, sanitize, sanitize_line
from modechat.tui.render.leaves import text_lines
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.rows import Blank, Lines, Row, Stack
from modechat.tui.render.thinking import ThinkingLines

_PIECE = 4000
"""Characters of an answer that are laid out before the clock is read again."""
_SECONDS_AT_ONCE = 0.05


class _Stream:
    """Text that was fed and is not shown yet.

    Its line ends become newlines, even if a piece ends inside one.
    """

    def __init__(self, text: str) -> None:
        self._pieces: list[str] = []
        self._line_ends = LineEnds()
        self.feed(text)

    def __bool__(self) -> bool:
        return bool(self._pieces)

    def feed(self, text: str) -> None:
        if text := self._line_ends.feed(text):
            self._pieces.append(text)

    def end(self) -> None:
        """Note that no more text will come."""
        if text := self._line_ends.flush():
            self._pieces.append(text)

    def take_all(self) -> str:
        """Return the text that was fed since the last call."""
        text = "".join(self._pieces)
        self._pieces.clear()
        return text


class ReplyLines:
    """The rows of a reply. It grows by `feed` and `flush`, and ends with `finish`."""

    def __init__(
        self,
        reply: Reply,
        *,
        unfold_thinking: bool = False,
        name_keys: Callable[[str], str] = str,
        end_note: Callable[[Reply], str] = note_on_screen,
        clock: Callable[[], float] = time.process_time,
    ) -> None:
        """Show `reply`.

        `name_keys` puts the user's own keys into a text that names keys. `end_note` returns how the
        reply ended, or what it waits for before it begins. `clock` returns seconds of processor
        time.
        """
        self._clock = clock
        self._reply = reply
        self._name_keys = name_keys
        self._end_note = end_note
        self._pending = _Stream(reply.text)
        self._pending_thinking = _Stream(reply.thinking)
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
        """The source of the answer, as far as it is shown; safe to show."""
        return "".join(self._source)

    @property
    def has_thinking(self) -> bool:
        return self._thinking is not None

    @property
    def thinking_is_open(self) -> bool:
        return self._thinking is not None and self._thinking.is_open

    @property
    def _is_empty(self) -> bool:
        """True while no part of the answer or the thinking is shown."""
        return not self._source and self._thinking is None

    @property
    def is_waiting(self) -> bool:
        """True while nothing has come yet."""
        return not self._finished and self._is_empty and not self.has_more

    @property
    def has_more(self) -> bool:
        """True if text was fed that is not shown yet."""
        return bool(self._pending or self._pending_thinking or self._unread)

    @property
    def is_finished(self) -> bool:
        return self._finished

    @property
    def n_thinking_rows(self) -> int:
        """The number of rows at the top that unfold the thinking when they are clicked."""
        return int(self.has_thinking)

    def code_at(self, index: int) -> int:
        """Return the number of the code block whose title is in this row; 0 if there is none."""
        return self.row(index).code_number

    def open_thinking(self, is_open: bool) -> None:
        self._unfold_thinking = is_open
        if self._thinking is not None:
            self._thinking.is_open = is_open

    def feed(self, text: str, *, is_thinking: bool = False) -> None:
        """Add text of the running reply."""
        if is_thinking:
            self._pending_thinking.feed(text)
        else:
            self._pending.feed(text)

    def finish(self, reply: Reply) -> None:
        """End the reply. `reply` is its final state; all text was fed before."""
        self._reply = reply
        self._finished = True
        if reply.stop_reason is StopReason.REPEATS:
            self._begin_again(reply)
        self.flush()

    def _begin_again(self, reply: Reply) -> None:
        """Show only the part of a reply that is kept, in place of everything that came."""
        self._pending = _Stream(reply.text)
        self._pending_thinking = _Stream(reply.thinking)
        self._thinking = None
        self.answer = MarkdownDocument()
        self._source.clear()
        self._unread.clear()

    def show_activity(self, note: str) -> None:
        """Show what the reply waits for, until its first text comes."""
        self._note = note
        self._arrange()

    def show_foot(self, foot: str) -> bool:
        """Show a line below the reply when it has ended, or before it begins.

        Return True if the line is new.
        """
        foot = self._name_keys(foot)
        if foot == self._foot:
            return False
        self._foot = foot
        self._arrange()
        return True

    def flush(self) -> None:
        """Show the text that was fed.

        If it is too much at once, show a part of it; `has_more` is True then.
        """
        if self._finished:
            self._pending.end()
            self._pending_thinking.end()
        if self._pending_thinking:
            if self._thinking is None:
                self._thinking = ThinkingLines(is_open=self._unfold_thinking)
            self._thinking.append(self._pending_thinking.take_all())
        if self._pending:
            text = sanitize(self._pending.take_all())
            self._source.append(text)
            self._unread += (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
        self._read()
        if self._thinking is not None and (self._source or self._finished):
            self._thinking.ended = True
        if self._finished or (self._is_empty and not self._note):
            self._note = self._name_keys(self._end_note(self._reply))
        elif not self._is_empty:
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
            if parts:
                parts.append(Blank())
            parts.append(self.answer)
        if not self._unread:
            parts += self._below(has_gap=bool(parts))
        self._stack.parts = parts

    def _below(self, *, has_gap: bool) -> list[Lines]:
        """Return the lines below the reply: how it ended, and its foot."""
        below: list[Lines] = []
        if self._note:
            style = "error" if self._reply.state is ReplyState.FAILED else "muted"
            below.append(text_lines(self._note, style, gap=has_gap))
        if self._foot and (self._finished or self._is_empty):
            below.append(text_lines(self._foot, "muted", gap=has_gap and not self._note))
        return below


def foot_of(turn: Turn, model_before: str) -> str:
    """Return the line below a reply.

    It names the model if that changed, and the place among variants, with the keys that show the
    others.
    """
    parts: list[str] = []
    model = turn.reply.model
    if model and model_before not in ("", model):
        parts.append(sanitize_line(model))
    if turn.n_variants > 1:
        before, after = key("earlier_variant", "Alt+Left"), key("later_variant", "Alt+Right")
        parts.append(f"{turn.variant}/{turn.n_variants} ‹ {before} · {after} ›")
    return " · ".join(parts)
