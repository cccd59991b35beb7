"""The streams below their buffers: bytes of UTF-8 in and out, on every system.

A console of Windows gives and takes bytes of its code page through a file descriptor; Python's own
raw stream of it (PEP 528) gives and takes UTF-8. Elsewhere the raw stream uses the file descriptor
itself.
"""

from __future__ import annotations

import io
import select
from typing import TextIO

_LONGEST_READ = 1 << 16  # bytes


def raw_stream(stream: TextIO) -> io.RawIOBase:
    """Return the stream that reads and writes for `stream`."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, io.RawIOBase):
        return raw
    if stream.writable():
        return io.FileIO(stream.fileno(), "r+", closefd=False)
    return io.FileIO(stream.fileno(), closefd=False)


def read_once(raw: io.RawIOBase) -> bytes:
    """Return what has come, or wait for it. Empty: it has ended, or the terminal is gone."""
    try:
        while (data := raw.read(_LONGEST_READ)) is None:
            select.select([raw], [], [])  # another program has switched the terminal to not waiting
    except (OSError, ValueError):  # how Linux says that the terminal is gone; the stream is closed
        return b""
    return data


def write_all(raw: io.RawIOBase, data: bytes) -> None:
    """Write all of `data`. Raises OSError, and ValueError for a stream that is closed."""
    while data:
        written = raw.write(data)
        if written is None:
            select.select([], [raw], [])  # another program has switched the terminal to not waiting
        else:
            data = data[written:]
