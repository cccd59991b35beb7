"""Reads standard input and files as text, and refuses text that can never fit."""

from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from modechat.cli.streams import tell
from modechat.cli.text_limit import TextLimit
from modechat.domain.attachments import block
from modechat.domain.decoding import NotText, TextDecoder
from modechat.errors import UsageError
from modechat.models.failures import shown_path

_CHUNK = 1 << 16
_SECONDS_TO_NOTICE = 1.0
_SECONDS_TO_NOTICE_IN_LOG = 10.0


def read_piped(limit: TextLimit) -> str:
    """Return the text on standard input without its last line end.

    It is empty if standard input is a terminal or has only white space. Raises UsageError if it is
    no text, and ContextError if it can never fit.
    """
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        with _notice_if_slow("standard input"):
            return _read(sys.stdin.buffer, "What is piped in", limit)
    except OSError as error:
        raise UsageError(f"What is piped in cannot be read: {error.strerror}") from error


def read_file(path: Path, limit: TextLimit) -> str:
    """Return the text of a file, as `read_piped` does for standard input."""
    shown = shown_path(path)
    try:
        # A named pipe has no end, and perhaps no writer.
        with _notice_if_slow(shown), path.open("rb") as file:
            return _read(file, shown, limit)
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{shown} cannot be read: there is a NUL in its name") from error


def input_of(piped: str, files: list[Path], limit: TextLimit) -> str:
    """Join the piped text and the texts of files.

    If there are several, each file's name is above it.
    """
    if not files:
        return piped
    texts = [read_file(path, limit) for path in files]
    limit.check(len(piped) + sum(map(len, texts)), "What was given", is_all=True)
    if len(files) == 1 and not piped:
        return texts[0]
    blocks = [piped] if piped else []
    for path, text in zip(files, texts, strict=True):
        blocks.append(block(str(path).encode("utf-8", "replace").decode(), text))
    return "\n\n".join(blocks)


def _read(file: BinaryIO, what: str, limit: TextLimit) -> str:
    decoder = TextDecoder()
    parts: list[str] = []
    n_bytes = n_read = 0
    data = b"start"
    try:
        while data:
            data = file.read(_CHUNK)
            n_read += len(data)
            parts.append(decoder.feed(data, final=not data))
            n_bytes += len(parts[-1].encode())
            if n_bytes > limit.unchecked:
                limit.check(n_bytes, what, is_all=False, size=_size(file, n_read))
    except NotText as problem:
        raise UsageError(f"{what} {problem.reason}", problem.hint) from problem
    text = "".join(parts)
    if not text.strip():
        return ""
    return text.removesuffix("\n")


def _size(file: BinaryIO, n_read: int) -> int:
    """Return the bytes of the whole file, or of the part that was read if it is a pipe."""
    about = os.fstat(file.fileno())
    if not stat.S_ISREG(about.st_mode):
        return n_read
    return max(about.st_size, n_read)


@contextmanager
def _notice_if_slow(what: str) -> Iterator[None]:
    """Say what is being read if it takes long, because an open pipe looks like a hanging program.

    In logs the notice comes later, because some programs are slow.
    """
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    seconds = _SECONDS_TO_NOTICE if is_terminal else _SECONDS_TO_NOTICE_IN_LOG
    timer = threading.Timer(seconds, tell, [f"Reading {what}, until it ends …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
