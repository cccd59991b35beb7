"""Asks the terminal for its background while the interface is imported.

So the first frame does not wait for the answer. Meanwhile the terminal echoes nothing. Text typed
before the first frame is kept for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modechat.tui.background import QUERY, can_be_asked, read_answer


@dataclass(frozen=True, slots=True)
class Heard:
    """The terminal's answers so far."""

    is_light: bool | None = None
    typed: str = ""
    """Text that was typed meanwhile."""
    terminal: list[Any] | None = None
    """The terminal's attributes before the question, for an editor that is opened later."""


class Question:
    """A question to the terminal."""

    def __init__(self, fd: int, before: list[Any]) -> None:
        """`before` are the terminal's attributes before the question."""
        self._fd = fd
        self._before = before

    def settle(self) -> Heard:
        """Return the answers that have come, without waiting."""
        data = b""
        while select.select([self._fd], [], [], 0)[0] and (more := os.read(self._fd, 4096)):
            data += more
        return Heard(*read_answer(data.decode("utf-8", "replace")), self._before)


@contextlib.contextmanager
def asked(env: Mapping[str, str]) -> Iterator[Question | None]:
    """Ask the terminal if that is possible, and restore its attributes at the end."""
    if sys.platform == "win32" or not can_be_asked(env):
        yield None
        return
    import termios

    fd = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(fd)
        quiet = termios.tcgetattr(fd)
        quiet[0] &= ~termios.ICRNL  # so that Enter and Ctrl+J differ, as they will later
        quiet[3] &= ~(termios.ECHO | termios.ICANON)
        termios.tcsetattr(fd, termios.TCSANOW, quiet)
    except termios.error:
        yield None
        return
    try:
        os.write(sys.stdout.fileno(), QUERY.encode())
        yield Question(fd, before)
    finally:
        with contextlib.suppress(termios.error):  # the terminal may be gone
            termios.tcsetattr(fd, termios.TCSANOW, before)
