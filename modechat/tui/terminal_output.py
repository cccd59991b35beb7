"""Writes what is painted no faster than the terminal reads it.

Textual 8.2.8 queues thirty pieces and then waits in the event loop until the terminal has read
some. If a terminal reads slowly, no key is handled any more, and each resize adds a frame that
nobody will see. Here a frame is painted only when the one before has been read, and the program
ends without waiting for frames.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from queue import SimpleQueue
from typing import IO, Any, Final

_PIECE: Final = 4096
"""Characters that are written at once."""
_BEHIND: Final = 8192
"""The most characters that wait before a terminal counts as slow.

Small changes are shorter than this, and a whole screen is longer.
"""
_PATIENCE: Final = 0.5
"""Seconds in which a terminal may still read frames when the program leaves."""
_CANCEL: Final = "\x18\x1b[0m\x1b[?2026l"
"""Ends an escape sequence that was cut, and a frame."""


def guard_terminal_output() -> None:
    """Make Textual's driver write through this module. Call it before the app runs."""
    if sys.platform != "win32":
        driver: Any = import_module("textual.drivers.linux_driver")
        driver.WriterThread = TerminalOutput


class TerminalOutput(threading.Thread):
    """Writes in the order of the calls of `write`, which never waits.

    It replaces Textual's WriterThread.
    """

    def __init__(self, file: IO[str]) -> None:
        super().__init__(daemon=True, name="terminal-output")
        self._file = file
        self._texts: SimpleQueue[tuple[str, bool] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._n_unread = 0
        self._is_picture = False
        self._patient_until = math.inf
        self._caught_up: Callable[[], None] | None = None

    def is_behind(self, caught_up: Callable[[], None]) -> bool:
        """Return True if too much has not been read yet.

        Then `caught_up` is called, in this thread, when everything has been read.
        """
        with self._lock:
            is_behind = self._n_unread > _BEHIND
            if is_behind:
                self._caught_up = caught_up
        return is_behind

    @contextmanager
    def picture(self) -> Iterator[None]:
        """Mark what is written meanwhile as a frame, which is dropped if the program must leave."""
        self._is_picture = True
        try:
            yield
        finally:
            self._is_picture = False

    def write(self, text: str) -> None:
        with self._lock:
            self._n_unread += len(text)
        self._texts.put((text, self._is_picture))

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def flush(self) -> None:
        """Do nothing: `_write` flushes."""

    def run(self) -> None:
        try:
            while (waiting := self._texts.get()) is not None:
                self._write(*waiting)
            self._file.flush()
        except OSError:
            return  # the terminal is gone

    def _write(self, text: str, is_picture: bool) -> None:
        for at in range(0, len(text), _PIECE):
            if is_picture and time.monotonic() > self._patient_until:
                self._file.write(_CANCEL)
                break
            self._file.write(text[at : at + _PIECE])
            if len(text) > _PIECE:
                self._file.flush()
        if self._texts.empty():
            self._file.flush()
        self._was_read(len(text))

    def stop(self) -> None:
        """Write the rest, with frames only if they are read soon, and end."""
        self._patient_until = time.monotonic() + _PATIENCE
        self._texts.put(None)
        self.join()

    def _was_read(self, count: int) -> None:
        caught_up = None
        with self._lock:
            self._n_unread -= count
            if not self._n_unread:
                caught_up, self._caught_up = self._caught_up, None
        if caught_up is not None:
            caught_up()
