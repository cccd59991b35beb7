"""Cuts a growing reply into pieces that are good to listen to: lines or sentences.

The pieces together are exactly the reply's text, with newlines for line ends.
"""

from __future__ import annotations

import re

from modechat.domain.text import LineEnds

_SENTENCE = re.compile(r"(?<![\s\d])[.!?…:;][\"'”’)\]*_`]*(?=\s)|[。！？]")
_SECONDS_FOR_A_SENTENCE = 1.0
_SECONDS_FOR_A_WORD = 4.0
_SECONDS_FOR_ANYTHING = 8.0


class ReplyText:
    """Collects text until it may be written. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._pending = ""
        self._since = 0.0
        self._line_ends = LineEnds()

    def feed(self, text: str, now: float) -> None:
        """Add new text."""
        if not self._pending:
            self._since = now
        self._pending += self._line_ends.feed(text)

    def take(self, now: float) -> str:
        """Return the text that may be written now: whole lines at once, the rest after a while."""
        end = self._pending.rfind("\n") + 1
        if not end:
            end = self._end_of_ready(now - self._since)
        text, self._pending = self._pending[:end], self._pending[end:]
        if text:
            self._since = now
        return text

    def finish(self) -> str:
        """Return all text that was not written yet."""
        text, self._pending = self._pending, ""
        return text + self._line_ends.flush()

    def _end_of_ready(self, seconds: float) -> int:
        if seconds < _SECONDS_FOR_A_SENTENCE:
            return 0
        sentences = list(_SENTENCE.finditer(self._pending))
        if sentences:
            return sentences[-1].end()
        if seconds < _SECONDS_FOR_A_WORD:
            return 0
        word = max(self._pending.rfind(" "), self._pending.rfind("\t")) + 1
        if not word and seconds >= _SECONDS_FOR_ANYTHING:
            return len(self._pending)
        return word
