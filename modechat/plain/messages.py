"""How typed lines become messages. Pure.

A line is a message. One that ends with a backslash goes on in the next line, and what stands between two lines of
three quotation marks is one message. Lines that come at once are a paste: one message, sent by the next Enter. Headers
and commands are text in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from modechat.commands.pasted import would_act
from modechat.domain.typed import Typed, joined, joined_lines

QUOTES = '"""'


class MessageReader:
    """Takes lines and gives messages, once they are complete."""

    def __init__(self) -> None:
        self._lines: list[tuple[str, bool]] = []
        """Each with whether it was pasted."""
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
        """The message as far as it has come."""
        parts = [self._begun] if self._begun else []
        for is_paste, group in groupby(self._lines, key=itemgetter(1)):
            text = "\n".join(line for line, _ in group)
            folds = ((0, len(text)),) if is_paste and would_act(text) else ()
            parts.append(Typed(text, folds))
        return joined_lines(parts)

    def begin_with(self, typed: Typed) -> None:
        """Begin the message with a text: an empty line sends it, other lines are added."""
        self._begun = joined([typed, self.text])
        self._lines = []

    @property
    def pasted(self) -> int:
        """How many lines of a paste wait for Enter."""
        return len(self._lines) if self._is_paste else 0

    def feed(self, line: str) -> Typed | None:
        """One more line; the message that is complete with it."""
        if self._is_block:
            if line.strip() == QUOTES:
                return self._take()
            self._lines.append((line, False))
            return None
        if self._is_paste:
            self._lines += [(line, True)] if line.strip() else []
            return self._take()
        if self._begun and not line.strip():
            return self._take()
        if not self._lines and line.strip() == QUOTES:
            self._is_block = True
            return None
        if _goes_on(line):
            self._lines.append((line[:-1], False))
            return None
        self._lines.append((line, False))
        return self._take()

    def feed_together(self, lines: Sequence[str]) -> Typed | None:
        """Lines that came at once: nobody types like that. In a paste nothing has a meaning but quotes around it."""
        *some, last = lines
        if len(lines) == 1:
            return self.feed(last)
        is_quoted = not self.is_open and lines[0].strip() == QUOTES
        if is_quoted:
            self._is_block = True
            some = some[1:]
        self._lines += [(line, not is_quoted) for line in some]
        if self._is_block and last.strip() == QUOTES:
            return self._take()
        self._is_paste = not self._is_block
        self._lines.append((last, not is_quoted))
        return None

    def finish(self) -> Typed | None:
        """No line follows: the message that has begun, if one has."""
        return self._take() if self.is_open else None

    def clear(self) -> bool:
        """Forget what has begun; whether there was anything."""
        was_open = self.is_open
        self._take()
        return was_open

    def _take(self) -> Typed:
        text = self.text
        self._lines, self._begun = [], Typed()
        self._is_block = self._is_paste = False
        return text


def _goes_on(line: str) -> bool:
    """Two backslashes at the end are two backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
