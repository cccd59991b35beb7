"""Reads the user's lines in a thread, from a terminal in its ordinary mode or from a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

_SECONDS_OF_A_PASTE = 0.05
_LONGEST_TYPED = 4095
"""Bytes of a line that Linux keeps in a terminal's ordinary mode; it drops the rest without a word."""
_MOST_AHEAD = 256
_KEYS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|[\x00-\x08\x0b-\x1f\x7f]")
"""Keys that a terminal in its ordinary mode takes for text, such as arrows."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that came at once, without their ends."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that cannot be taken, and why."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class End:
    """No line follows; on a terminal the user has pressed Ctrl+D."""


Read: TypeAlias = Lines | Unreadable | End


class LineReader:
    """Reads from the file descriptor `file`. Create it inside a running event loop; `take` is called there."""

    def __init__(self, file: int, take: Callable[[Read], None], *, is_terminal: bool) -> None:
        self._file = file
        self._take = take
        self._is_terminal = is_terminal
        self._loop = asyncio.get_running_loop()
        self._ahead = threading.Semaphore(_MOST_AHEAD)
        self._is_first = True

    def start(self) -> None:
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def taken(self) -> None:
        """Something that was given to `take` was done: one more may be read ahead."""
        self._ahead.release()

    def _read(self) -> None:
        rest, ended = b"", False
        while True:
            data = self._read_once()
            if not data:
                if rest:
                    self._give([rest])
                self._put(End())
                if not self._is_terminal or (ended and not rest):  # a terminal that is gone says so for ever
                    return
                rest, ended = b"", True
                continue
            ended = False
            *lines, rest = (rest + data).split(b"\n")
            while lines and self._is_terminal and self._more_is_there():
                data = self._read_once()
                *more, rest = (rest + data).split(b"\n")
                lines += more
                if not data:
                    break
            if lines:
                self._give(lines)

    def _read_once(self) -> bytes:
        try:
            return os.read(self._file, 1 << 16)
        except OSError:  # how Linux says that the terminal is gone
            return b""

    def _more_is_there(self) -> bool:
        try:
            return bool(select.select([self._file], [], [], _SECONDS_OF_A_PASTE)[0])
        except OSError:  # Windows selects sockets only
            return False

    def _give(self, raw: list[bytes]) -> None:
        """On a terminal lines that came at once stay together; those of a pipe are on their own."""
        for together in [raw] if self._is_terminal else [[line] for line in raw]:
            self._put(self._decoded(together))

    def _decoded(self, raw: list[bytes]) -> Read:
        if self._is_terminal and any(len(line) >= _LONGEST_TYPED for line in raw):
            return Unreadable(
                f"The terminal has cut a line after {_LONGEST_TYPED:,} bytes, so nothing was sent",
                "Send it in shorter lines, or pipe it in.",
            )
        try:
            lines = [line.removesuffix(b"\r").decode() for line in raw]
        except UnicodeDecodeError:
            if self._is_terminal:
                return Unreadable("What was typed is not UTF-8 text", "Set the terminal to UTF-8.")
            return Unreadable("What is piped in is not UTF-8 text", "Convert it: iconv -f latin1 -t utf-8 FILE | …")
        if self._is_first:
            lines[0] = lines[0].removeprefix("\ufeff")
            self._is_first = False
        return Lines(tuple(_KEYS.sub("", line) for line in lines) if self._is_terminal else tuple(lines))

    def _put(self, read: Read) -> None:
        self._ahead.acquire()
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            self._loop.call_soon_threadsafe(self._take, read)
