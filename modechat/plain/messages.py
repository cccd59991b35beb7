"""Makes messages of typed lines.

A line is a message. A line that ends with a backslash continues in the next line. The lines between
two lines of three quotation marks are one message. Lines that come at once are a paste: one
message, which the next Enter sends. In a paste, headers and commands are text.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from modechat.commands.pasted import would_act
from modechat.commands.slash import read_slash
from modechat.domain.typed import Typed, joined, joined_lines

QUOTES = '"""'


class MessageReader:
    """Collects lines until a message is complete."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, bool]] = []
        """The lines, each with True if it was pasted."""
        self._begun = Typed()
        """A text that the message begins with."""
        self._is_block = False
        self._is_paste = False

    @property
    def is_open(self) -> bool:
        """True if the beginning of a message waits for the rest."""
        return self._is_block or bool(self._lines or self._begun)

    @property
    def text(self) -> Typed:
        """The message so far."""
        parts = [self._begun] if self._begun else []
        for is_paste, group in groupby(self._lines, key=itemgetter(1)):
            text = "\n".join(line for line, _ in group)
            folds = ((0, len(text)),) if is_paste and would_act(text) else ()
            parts.append(Typed(text, folds))
        return joined_lines(parts)

    def begin_with(self, typed: Typed) -> None:
        """Begin the message with a text.

        An empty line sends it. A command acts alone, and the text stays. Other lines are added.
        """
        self._begun = joined([typed, self.text])
        self._lines = []

    @property
    def n_pasted(self) -> int:
        """The number of pasted lines that wait for Enter."""
        return len(self._lines) if self._is_paste else 0

    def feed(self, line: str) -> Typed | None:
        """Add a line; return the message if it is complete."""
        if self._is_block:
            return self._feed_block(line)
        if self._is_paste:
            if line.strip():
                self._lines.append((line, True))
            return self._end()
        if self._begun and not line.strip():
            return self._end()
        if self._begun and not self._lines and read_slash(line) is not None:
            return Typed(line)
        if not self._lines and line.strip() == QUOTES:
            self._is_block = True
            return None
        if _goes_on(line):
            self._lines.append((line[:-1], False))
            return None
        self._lines.append((line, False))
        return self._end()

    def _feed_block(self, line: str) -> Typed | None:
        if line.strip() == QUOTES:
            return self._end()
        self._lines.append((line, False))
        return None

    def feed_together(self, lines: Sequence[str]) -> Typed | None:
        """Add lines that came at once; return the message if it is complete.

        Nobody types so fast, so they are a paste, in which only quotes around it have a meaning.
        """
        *some, last = lines
        if len(lines) == 1:
            return self.feed(last)
        is_quoted = not self.is_open and lines[0].strip() == QUOTES
        if is_quoted:
            self._is_block = True
            some = some[1:]
        for line in some:
            self._lines.append((line, not is_quoted))
        if self._is_block and last.strip() == QUOTES:
            return self._end()
        self._is_paste = not self._is_block
        self._lines.append((last, not is_quoted))
        return None

    def finish(self) -> Typed | None:
        """Return the message that has begun, because no line follows, or None."""
        return self._end() if self.is_open else None

    def clear(self) -> None:
        """Forget the message that has begun."""
        self._end()

    def _end(self) -> Typed:
        text = self.text
        self._lines, self._begun = [], Typed()
        self._is_block = self._is_paste = False
        return text


def _goes_on(line: str) -> bool:
    """Return True if the line ends with a backslash. Two at the end are two backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
