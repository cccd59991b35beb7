"""A real terminal: a program in a pty, and the screen that it paints, read by a terminal emulator.

Owns what pyte lacks: the alternate screen, synchronised output (frames are seen whole, never half
painted), and escape sequences of today that it would misread.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte

from tests.e2e.window import SECONDS, Window

# What pyte would misread: kitty's keyboard protocol, requests of private modes (DECRQM), all
# strings but titles.
_FOREIGN = re.compile(
    rb"\x1b\[[<=>][0-9;:]*[@-~]|\x1b\[\?[0-9;]*\$p|\x1b(?:[P_^X]|\](?![012];))[^\x1b\x07]*(?:\x1b\\|\x07)"
)
# The beginning of an escape sequence at the end of what has come.
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[P_^X\]][^\x1b\x07]*\x1b?)?\Z")
_BORDERS = " │▌"
_ALTERNATE_SCREEN = 1049
_SYNCHRONISED = 2026
_END_OF_FRAME = re.compile(rb"(?<=\x1b\[\?2026l)")
_ASKS_FOR_SYNCHRONISED = b"\x1b[?2026$p"
_HAS_SYNCHRONISED = b"\x1b[?2026;2$y"


class Terminal(Window):
    """A running program and its screen."""

    def __init__(
        self,
        command: Sequence[str | Path],
        env: Mapping[str, str],
        *,
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self._screen = _Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._unfinished = b""
        self._lines: list[str] = []
        self._cursor = (0, 0)
        self._is_watched = True
        super().__init__(command, env, columns=columns, rows=rows)

    @property
    def lines(self) -> list[str]:
        """The screen, line by line, without the space at the ends."""
        with self._changed:
            return self._lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def words(self) -> str:
        """The screen's words with one space between them, without the borders: however the lines
        are wrapped.
        """
        return " ".join(word for line in self.lines for word in line.strip(_BORDERS).split())

    @property
    def cursor(self) -> tuple[int, int]:
        """Where the terminal's cursor stands: row and column, from 0."""
        with self._changed:
            return self._cursor

    @property
    def title(self) -> str:
        """What the program has set as the window's title."""
        return str(self._screen.title)

    def wait_for(self, what: str | Callable[[], bool], *, timeout: float = SECONDS) -> None:
        """Wait until these words are on the screen, or until the condition holds; fail if that does
        not come.
        """
        if callable(what):
            self.wait_until(what, getattr(what, "__name__", "the condition"), timeout=timeout)
        else:
            words = " ".join(what.split())
            self.wait_until(lambda: words in self.words, repr(what), timeout=timeout)

    def resize(self, columns: int, rows: int) -> None:
        with self._changed:
            self._screen.resize(rows, columns)
        super().resize(columns, rows)

    def picture(self) -> str:
        edge = "─" * self._screen.columns
        return "\n".join((edge, *self.lines, edge))

    def look_away(self) -> None:
        """From now on read what comes, and paint nothing: the emulator takes time that the program
        could use.
        """
        self._is_watched = False

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        if not self._is_watched:
            return
        data = self._unfinished + data
        unfinished = _UNFINISHED.search(data)
        end = unfinished.start() if unfinished else len(data)
        data, self._unfinished = data[:end], data[end:]
        for piece in _END_OF_FRAME.split(data):
            self._stream.feed(_FOREIGN.sub(b"", piece))
            if not self._screen.is_in(_SYNCHRONISED):
                self._lines = [line.rstrip() for line in self._screen.display]
                self._cursor = self._screen.cursor.y, self._screen.cursor.x
        if _ASKS_FOR_SYNCHRONISED in data:
            self._write(_HAS_SYNCHRONISED)


class _Screen(pyte.Screen):
    """pyte's screen, and the alternate one."""

    _normal: tuple[Any, Any] | None = None

    def is_in(self, private_mode: int) -> bool:
        return private_mode << 5 in self.mode  # how pyte keeps them

    def set_mode(self, *modes: int, **kwargs: Any) -> None:
        super().set_mode(*modes, **kwargs)
        if self.is_in(_ALTERNATE_SCREEN) and self._normal is None:
            self._normal = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:
        super().reset_mode(*modes, **kwargs)
        if not self.is_in(_ALTERNATE_SCREEN) and self._normal is not None:
            (self.buffer, self.cursor), self._normal = self._normal, None
