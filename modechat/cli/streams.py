"""Reads and writes a command's text: arguments and the standard streams.

Output may come from a model or a file, so characters that act on the terminal are replaced.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

from modechat.domain.key_names import usual_keys
from modechat.domain.text import sanitize
from modechat.errors import UsageError, cannot_write


def argument_text(words: Iterable[str]) -> str:
    """Join the words of an argument. Raises UsageError if they are no text."""
    text = " ".join(words)
    try:
        text.encode()
    except UnicodeEncodeError:  # undecodable bytes became lone surrogates
        raise UsageError(
            "The instruction is not UTF-8 text", "Set the terminal to UTF-8."
        ) from None
    return text


def standard_output(use: str) -> TextIO:
    """Return standard output. Raises UsageError with its `use` as the hint if it is closed."""
    if sys.stdout is None:
        raise UsageError("Standard output is closed", use)
    return sys.stdout


def write(out: TextIO, text: str) -> None:
    """Write `text` at once, with `?` for characters that the stream's encoding lacks.

    Raises BrokenPipeError if nobody reads any more, ModechatError if it cannot be written.
    """
    encoding = out.encoding or "utf-8"
    safe = sanitize(text) if out.isatty() else text
    try:
        out.write(safe.encode(encoding, "replace").decode(encoding))
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write(error) from error


def can_repaint(env: Mapping[str, str], *streams: TextIO | None) -> bool:
    """Return True if all streams are terminals that can be repainted, without a screen reader."""
    if env.get("ACCESSIBLE", "") not in ("", "0"):  # a screen reader would read every frame
        return False
    if not all(stream is not None and stream.isatty() for stream in streams):
        return False
    if os.name == "nt" and "TERM" not in env:  # Windows says nothing about its terminals
        return True
    return env.get("TERM", "") not in ("", "dumb")


def takes_unicode(out: TextIO) -> bool:
    """Return True if every character can be written to `out`."""
    return codecs.lookup(out.encoding or "utf-8").name.startswith("utf")


def tell(text: str) -> None:
    """Print a text for the user on standard error, if that can be written."""
    if sys.stderr is not None:  # without it, print would use standard output
        with contextlib.suppress(OSError):
            print(sanitize(usual_keys(text)), file=sys.stderr, flush=True)


def forget_unwritten_output() -> None:
    """Drop buffered output that standard output cannot take: Python would complain at exit."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
