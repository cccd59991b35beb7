"""The view of a reply. It shows new text at a rate that leaves the processor to the model."""

from __future__ import annotations

import time

from textual.timer import Timer

from modechat.domain.conversation import Reply
from modechat.tui.render.parser import parser
from modechat.tui.render.replies import ReplyLines
from modechat.tui.widgets.rows_view import RowsView

_SECONDS_BETWEEN_FLUSHES = 0.1
_SHARE_OF_A_CORE = 0.05
"""The largest share of a core for showing a reply.

If llama.cpp computes on all cores, it waits for the one that loses time.
"""
_LONGEST_REST = 0.4
"""The most seconds of rest after a flush."""
_SECONDS_BETWEEN_PARTS = 0.02
"""Seconds between parts of a long reply that is already complete."""


class ReplyView(RowsView):
    """Shows `lines`; a running reply grows by `feed` and ends with `finish`."""

    def __init__(self, lines: ReplyLines) -> None:
        super().__init__(lines, classes="reply")
        self.reply = lines
        self._flushing: Timer | None = None
        self._computed = 0.0

    @property
    def has_thinking(self) -> bool:
        return self.reply.has_thinking

    @property
    def thinking_is_open(self) -> bool:
        return self.reply.thinking_is_open

    def on_mount(self) -> None:
        if self.reply.has_more and self.reply.is_finished:  # too long to be shown at once
            self._flushing = self.set_timer(_SECONDS_BETWEEN_PARTS, self._flush)
        elif self.reply.has_more:  # it came while the view was not mounted
            self._flush()

    def open_thinking(self, is_open: bool) -> None:
        """Unfold the thinking, or fold it."""
        self.reply.open_thinking(is_open)
        self.lines_changed()

    def feed(self, text: str, *, is_thinking: bool = False) -> None:
        """Add text of the running reply."""
        self.reply.feed(text, is_thinking=is_thinking)
        if self._flushing is None and self.is_attached:
            self._flush()

    def show_activity(self, text: str) -> None:
        """Show what the reply waits for, until its first text comes."""
        if self.reply.is_waiting:
            self.reply.show_activity(text)
            self.lines_changed()

    def finish(self, reply: Reply) -> None:
        """End the reply. `reply` is its final state; all text was fed before."""
        self._rest_is_over()
        self.reply.finish(reply)
        self.lines_changed()
        if self.reply.has_more and self.is_attached:
            self._flushing = self.set_timer(_SECONDS_BETWEEN_PARTS, self._flush)

    def _flush(self) -> None:
        """Show the new text, then rest for several times the processor time that it took."""
        self._flushing = None
        if not self.reply.has_more:
            return
        self.reply.flush()
        self.lines_changed()
        if self.reply.is_finished:
            self._computed = 0.0
            if self.reply.has_more:
                self._flushing = self.set_timer(_SECONDS_BETWEEN_PARTS, self._flush)
            return
        now = time.process_time()
        computed = now - (self._computed or now)  # since the last flush, painting included
        self._computed = now
        rest = min(computed / _SHARE_OF_A_CORE, _LONGEST_REST)
        self._flushing = self.set_timer(max(_SECONDS_BETWEEN_FLUSHES, rest), self._flush)

    def _rest_is_over(self) -> None:
        if self._flushing is not None:
            self._flushing.stop()
            self._flushing = None


def preload() -> None:
    """Import the modules that render replies.

    This takes as long as generating some tokens, so do it while the model loads.
    """
    parser()
