"""llama.cpp's log: passed on to standard error, and the last lines kept to explain failures."""

from __future__ import annotations

import ctypes
import re
import sys
from collections import deque

from modechat.engine.worker.bindings import llama

_DEBUG = 1  # GGML_LOG_LEVEL_DEBUG
_OF_A_STOP = re.compile(  # how llama.cpp tells that the user stopped it: it reads like a failure
    r"graph_compute\S* failed with error 1\b|compute status: 1\b|removing memory module entries"
    r"|failed to decode, ret = 2\b"
)
_CONTINUATION = 5  # GGML_LOG_LEVEL_CONT: more of the line before


class NativeLog:
    """Receives every log line of llama.cpp from its creation on. Keep it alive as long as the library is used."""

    def __init__(self, keep: int = 400) -> None:
        self.lines: deque[str] = deque(maxlen=keep)
        self._level = 0
        self._callback = llama.llama_log_callback(self._receive)
        llama.llama_log_set(self._callback, ctypes.c_void_p())

    def find(self, text: str) -> str | None:
        """The newest line that contains `text`."""
        return next((line for line in reversed(self.lines) if text in line), None)

    def forget(self) -> None:
        """Begin anew: what follows is about another model, or another attempt."""
        self.lines.clear()

    def tail(self, count: int = 12) -> tuple[str, ...]:
        return tuple(self.lines)[-count:]

    def _receive(self, level: int, text: bytes, _user_data: int | None) -> None:
        self._level = self._level if level == _CONTINUATION else level
        if self._level == _DEBUG:
            return
        line = text.decode(errors="replace")
        if _OF_A_STOP.search(line):
            return
        sys.stderr.write(line)
        if line.strip(" .\n"):
            self.lines.append(line.rstrip())
