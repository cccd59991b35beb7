"""Reads and writes the streams below their buffers, as bytes of UTF-8 on every system.

A console of Windows reads and writes bytes of its code page through a file descriptor. Python's own
raw stream for it (PEP 528) reads and writes UTF-8. Elsewhere the raw stream uses the file
descriptor itself.
"""

from __future__ import annotations

import io
import select
from typing import TextIO

_LONGEST_READ = 1 << 16  # bytes


def raw_stream(stream: TextIO) -> io.RawIOBase:
    """Return the raw stream below `stream`."""
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    if isinstance(raw, io.RawIOBase):
        return raw
    if stream.writable():
        return io.FileIO(stream.fileno(), "r+", closefd=False)
    return io.FileIO(stream.fileno(), closefd=False)


def read_once(raw: io.RawIOBase) -> bytes:
    """Return the available bytes, or wait for some. Empty: the end, or the terminal is gone."""
    try:
        while (data := raw.read(_LONGEST_READ)) is None:
            select.select([raw], [], [])  # another program has made the terminal non-blocking
    except (OSError, ValueError):  # the terminal is gone (on Linux), or the stream is closed
        return b""
    return data


def write_all(raw: io.RawIOBase, data: bytes) -> None:
    """Write all of `data`. Raises OSError, and ValueError for a stream that is closed."""
    while data:
        written = raw.write(data)
        if written is None:
            select.select([], [raw], [])  # another program has made the terminal non-blocking
        else:
            data = data[written:]
