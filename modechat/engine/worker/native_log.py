"""Passes llama.cpp's log on to standard error, and keeps the last lines to explain failures."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections import deque

from modechat.engine.llama_log import is_about_a_stop
from modechat.engine.worker.bindings import llama

_LINES, _TAIL = 400, 12
_DEBUG = 1  # GGML_LOG_LEVEL_DEBUG
_CONTINUATION = 5  # GGML_LOG_LEVEL_CONT: more of the line before


class NativeLog:
    """Receives every log line of llama.cpp from its creation on, also from llama.cpp's own threads.

    Keep it alive as long as the library is used.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._level = 0
        self._callback = llama.llama_log_callback(self._receive)
        llama.llama_log_set(self._callback, ctypes.c_void_p())

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines so far, oldest first."""
        with self._lock:
            return tuple(self._lines)

    def forget(self) -> None:
        """Drop all lines: later lines are about another model, or another attempt."""
        with self._lock:
            self._lines.clear()

    def tail(self) -> tuple[str, ...]:
        """Return the last lines."""
        return self.lines[-_TAIL:]

    def _receive(self, level: int, text: bytes, _user_data: int | None) -> None:
        if level != _CONTINUATION:
            self._level = level
        if self._level == _DEBUG:
            return
        line = text.decode(errors="replace")
        if is_about_a_stop(line):
            return
        sys.stderr.write(line)
        if line.strip(" .\n"):
            with self._lock:
                self._lines.append(line.rstrip())
