"""What is piped in, and files whose text the command line wants: read as text, and no more than could ever fit."""

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
from modechat.domain.text import sanitize_line
from modechat.errors import UsageError

_CHUNK = 1 << 16
_SECONDS_TO_TELL = 1.0
_SECONDS_TO_TELL_A_LOG = 10.0


def read_piped(limit: TextLimit) -> str:
    """The text on standard input, without its last line end; empty if that is a terminal, or nothing but white space.

    Raises UsageError if it is no text, ContextError if it can never fit.
    """
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    try:
        with _telling_that_it_waits("standard input"):
            return _read(sys.stdin.buffer, "What is piped in", limit)
    except OSError as error:
        raise UsageError(f"What is piped in cannot be read: {error.strerror}") from error


def read_file(path: Path, limit: TextLimit) -> str:
    """The text of a file, as `read_piped`."""
    shown = sanitize_line(str(path).encode("utf-8", "replace").decode("utf-8"))
    try:
        with (
            _telling_that_it_waits(shown),
            path.open("rb") as file,
        ):  # a named pipe has no end, perhaps no writer
            return _read(file, shown, limit)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else "there is a NUL in its name"
        raise UsageError(f"{shown} cannot be read: {reason}") from error


def input_of(piped: str, files: list[Path], limit: TextLimit) -> str:
    """The input of a task: what was piped in, and the texts of files. Only one text needs no name above it."""
    if not files:
        return piped
    texts = [read_file(path, limit) for path in files]
    limit.check(len(piped) + sum(map(len, texts)), "What was given", is_all=True)
    if len(files) == 1 and not piped:
        return texts[0]
    blocks = [
        block(str(path).encode("utf-8", "replace").decode(), text)
        for path, text in zip(files, texts, strict=True)
    ]
    return "\n\n".join([piped, *blocks] if piped else blocks)


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
    return text.removesuffix("\n") if text.strip() else ""


def _size(file: BinaryIO, n_read: int) -> int:
    """The bytes of the whole, as far as they are known."""
    about = os.fstat(file.fileno())
    return max(about.st_size, n_read) if stat.S_ISREG(about.st_mode) else n_read


@contextmanager
def _telling_that_it_waits(what: str) -> Iterator[None]:
    """A pipe that nobody closes looks like a program that hangs. In logs it is said later: some programs are slow."""
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    seconds = _SECONDS_TO_TELL if is_terminal else _SECONDS_TO_TELL_A_LOG
    timer = threading.Timer(seconds, tell, [f"Reading {what}, until it ends …"])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
