"""Reads the user's lines in a thread, from a terminal in its ordinary mode or from a pipe."""

from __future__ import annotations

import asyncio
import contextlib
import re
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO, TypeAlias

from modechat.domain.decoding import NotText, TextDecoder
from modechat.plain.raw_streams import raw_stream, read_once

_SECONDS_OF_A_PASTE = 0.05
_LONGEST_TYPED = 4095
"""Bytes of a line that Linux keeps in a terminal's ordinary mode; it silently drops the rest."""
_MOST_AHEAD = 256
_LONGEST_LINE = 4_000_000
"""Characters of a line in a pipe, the same as the limit for an attached file."""
_MOST_TOGETHER = 4_000_000
"""Bytes of a pipe that are checked before their first line is handled."""
_KEYS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|[\x00-\x08\x0b-\x1f\x7f]")
"""Keys that a terminal in its ordinary mode takes for text, such as arrows."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines that came at once, without their ends."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The reason why a line cannot be used."""

    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class End:
    """The end of the input; on a terminal the user has pressed Ctrl+D."""


Read: TypeAlias = Lines | Unreadable | End


class LineReader:
    """Reads from `stdin`. Create it inside a running event loop; `receive` is called there."""

    def __init__(
        self, stdin: TextIO, receive: Callable[[Read], None], *, is_terminal: bool
    ) -> None:
        self._raw = raw_stream(stdin)
        self._receive = receive
        self._is_terminal = is_terminal
        self._loop = asyncio.get_running_loop()
        self._ahead = threading.Semaphore(_MOST_AHEAD)

    def start(self) -> None:
        """Begin to read in a daemon thread."""
        read = self._read_pipe
        if self._is_terminal:
            read = self._read_terminal
        threading.Thread(target=read, name="reader", daemon=True).start()

    def done(self) -> None:
        """Allow one more item to be read ahead, because one from `receive` is handled."""
        self._ahead.release()

    def _read_pipe(self) -> None:
        """Put each line on its own.

        Bytes that are no text end the input; the lines with them are lost.
        """
        decoder, rest, is_open = TextDecoder(), "", True
        while is_open:
            data = read_once(self._raw)
            more = data
            while more and len(data) < _MOST_TOGETHER and self._more_is_there():
                more = read_once(self._raw)
                data += more
            is_open = bool(more)
            try:
                *lines, rest = (rest + decoder.feed(data, final=not is_open)).split("\n")
            except NotText as problem:
                self._put(Unreadable(f"What is piped in {problem.reason}", problem.hint))
                break
            if len(rest) > _LONGEST_LINE:
                reason = "What is piped in has no end of a line for 4 MB"
                self._put(Unreadable(reason, "Each line is a message."))
                break
            if rest and not is_open:
                lines.append(rest)
            for line in lines:
                self._put(Lines((line,)))
        self._put(End())

    def _read_terminal(self) -> None:
        rest, ended = b"", False
        while True:
            data = read_once(self._raw)
            if not data:
                if rest:
                    self._put(_decoded([rest]))
                self._put(End())
                if ended and not rest:  # a terminal that is gone reports its end for ever
                    return
                rest, ended = b"", True
                continue
            ended = False
            *lines, rest = (rest + data).split(b"\n")
            while lines and self._more_is_there():
                data = read_once(self._raw)
                *more, rest = (rest + data).split(b"\n")
                lines += more
                if not data:
                    break
            if lines:
                self._put(_decoded(lines))

    def _more_is_there(self) -> bool:
        try:
            return bool(select.select([self._raw], [], [], _SECONDS_OF_A_PASTE)[0])
        except OSError:  # Windows selects only sockets
            return False

    def _put(self, read: Read) -> None:
        self._ahead.acquire()
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            self._loop.call_soon_threadsafe(self._receive, read)


def _decoded(raw: list[bytes]) -> Read:
    """Decode lines that came at once."""
    if max(map(len, raw)) >= _LONGEST_TYPED:
        return Unreadable(
            f"The terminal has cut a line after {_LONGEST_TYPED:,} bytes, so nothing was sent",
            "Send it in shorter lines, or pipe it in.",
        )
    try:
        lines = [line.removesuffix(b"\r").decode() for line in raw]
    except UnicodeDecodeError:
        return Unreadable("What was typed is not UTF-8 text", "Set the terminal to UTF-8.")
    return Lines(tuple(_KEYS.sub("", line) for line in lines))
