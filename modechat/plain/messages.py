"""How typed lines become messages. Pure.

A line is a message. One that ends with a backslash goes on in the next line, and what stands between two lines of
three quotation marks is one message. Lines that come at once are a paste: one message, sent by the next Enter.
"""

from __future__ import annotations

from collections.abc import Sequence

QUOTES = '"""'


class MessageReader:
    """Takes lines and gives messages, once they are complete."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._is_block = False
        self._is_paste = False

    @property
    def is_open(self) -> bool:
        """Whether the beginning of a message waits for the rest."""
        return self._is_block or bool(self._lines)

    @property
    def pasted(self) -> int:
        """How many lines of a paste wait for Enter."""
        return len(self._lines) if self._is_paste else 0

    def feed(self, line: str) -> str | None:
        """One more line; the message that is complete with it."""
        if self._is_block:
            if line.strip() == QUOTES:
                return self._take()
            self._lines.append(line)
            return None
        if self._is_paste:
            self._lines += [line] if line.strip() else []
            return self._take()
        if not self._lines and line.strip() == QUOTES:
            self._is_block = True
            return None
        if _goes_on(line):
            self._lines.append(line[:-1])
            return None
        self._lines.append(line)
        return self._take()

    def feed_together(self, lines: Sequence[str]) -> str | None:
        """Lines that came at once: nobody types like that. In a paste nothing has a meaning but quotes around it."""
        *some, last = lines
        if len(lines) == 1:
            return self.feed(last)
        if not self.is_open and lines[0].strip() == QUOTES:
            self._is_block = True
            some = some[1:]
        self._lines += some
        if self._is_block:
            return self.feed(last)
        self._is_paste = True
        self._lines.append(last)
        return None

    def finish(self) -> str | None:
        """No line follows: the message that has begun, if one has."""
        return self._take() if self.is_open else None

    def clear(self) -> bool:
        """Forget what has begun; whether there was anything."""
        was_open = self.is_open
        self._take()
        return was_open

    def _take(self) -> str:
        lines, self._lines = self._lines, []
        self._is_block = self._is_paste = False
        return "\n".join(lines)


def _goes_on(line: str) -> bool:
    """Two backslashes at the end are two backslashes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
