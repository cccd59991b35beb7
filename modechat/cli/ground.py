"""Asks the terminal for its ground while the interface is imported, so that the first frame need not wait for it.

Meanwhile the terminal echoes nothing. What is typed before the first frame is kept for it.
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
    """What the terminal has said so far."""

    is_light: bool | None = None
    typed: str = ""
    """What was typed meanwhile."""
    terminal: list[Any] | None = None
    """The terminal's attributes before it was asked, which other programs should find: an editor."""


class Question:
    """A question that was asked; `settle` takes what has come, without waiting."""

    def __init__(self, fd: int, before: list[Any]) -> None:
        """`before`: the terminal's attributes as they were."""
        self._fd = fd
        self._before = before

    def settle(self) -> Heard:
        data = b""
        while select.select([self._fd], [], [], 0)[0] and (more := os.read(self._fd, 4096)):
            data += more
        return Heard(*read_answer(data.decode("utf-8", "replace")), self._before)


@contextlib.contextmanager
def asked(env: Mapping[str, str]) -> Iterator[Question | None]:
    """Asks, where the terminal may answer. At the end the terminal is as it was."""
    if sys.platform == "win32" or not can_be_asked(env):
        yield None
        return
    import termios

    fd = sys.stdin.fileno()
    try:
        before = termios.tcgetattr(fd)
        quiet = termios.tcgetattr(fd)
        quiet[0] &= ~termios.ICRNL  # Enter is told from Ctrl+J, as it will be later
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
