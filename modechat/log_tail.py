"""Reads the end of a log file that may grow, shrink, be replaced or be absent.

The file may hold any bytes.
"""

from __future__ import annotations

import os
from pathlib import Path

from modechat.domain.text import shortened

_MAX_BYTES = 1 << 18
"""Bytes that are read at once from the end."""
_MAX_LINE = 1000
"""Characters of a line that are kept."""


class LogTail:
    """The end of a log file that is read again and again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position: int | None = None
        self._file_id: tuple[int, int] | None = None
        self._unfinished = b""

    def read(self) -> tuple[list[str], bool]:
        """Return new whole lines, and True if they replace all earlier ones.

        They do if the file began anew. A file that is absent or cannot be read has no lines.
        """
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                size = file.seek(0, 2)
                is_new = self._is_new((about.st_dev, about.st_ino), size)
                start = max(self._position or 0, size - _MAX_BYTES)
                skipped = start > (self._position or 0)
                file.seek(start)
                data = file.read(_MAX_BYTES)
        except (OSError, ValueError):
            return [], False
        self._position = start + len(data)
        if skipped:
            self._unfinished = b""
            data = data.partition(b"\n")[2]  # drops the rest of a cut line
        *whole, self._unfinished = (self._unfinished + data).split(b"\n")
        self._unfinished = self._unfinished[: 8 * _MAX_LINE]
        return list(map(_shown, whole)), is_new

    def _is_new(self, file_id: tuple[int, int], size: int) -> bool:
        is_new = file_id != self._file_id or size < (self._position or 0)
        if is_new:
            self._file_id, self._position, self._unfinished = file_id, None, b""
        return is_new


def _shown(line: bytes) -> str:
    text = line[: 4 * _MAX_LINE].decode("utf-8", "replace").rstrip("\r")
    return shortened(text, _MAX_LINE)
