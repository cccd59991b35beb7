"""Writes lines: it only appends, and no character in the lines acts on a terminal.

Terminals break lines inside words, so for a terminal lines are broken between words. Pipes get
whole lines.
"""

from __future__ import annotations

import os
from typing import TextIO

from modechat.domain.text import sanitize
from modechat.plain.word_wrap import WordWrap
from modechat.plain.words import as_commands
from modechat.plain.writer import Writer


class Output:
    """Writes the conversation to `out`, and the program's notices to `err` (None: nowhere)."""

    def __init__(self, writer: Writer, out: TextIO, err: TextIO | None, *, prompts: bool) -> None:
        """`prompts`: the user types in the terminal that shows the conversation."""
        self._writer = writer
        self._out = out
        self._err = err
        self._prompts = prompts
        self._one_screen = out.isatty() and err is not None and err.isatty() and not prompts
        self._in_line = False
        self._wrap = WordWrap()
        self._after_key = False
        """True if the terminal has shown a key such as ^C in the line."""
        self._prompt = ""

    @property
    def shows_progress(self) -> bool:
        """True if somebody watches and wants to know the progress."""
        return self._prompts or (self._err is not None and self._err.isatty())

    @property
    def echoes(self) -> bool:
        """True if the user's text must be written, too, because no terminal shows it."""
        return not self._prompts

    def line(self, text: str, *, is_verbatim: bool = False) -> None:
        """Write one or more whole lines of the conversation; verbatim ones are not broken."""
        self._end_line()
        if not is_verbatim:
            text = _wrapped(text, self._out)
        self._write(f"{text}\n")
        self._prompt_again()

    def say(self, text: str) -> None:
        """Write a message of the program that belongs to the conversation."""
        self.line(f"modechat: {as_commands(text)}")

    def notice(self, text: str) -> None:
        """Write a message to `err`, or between the lines of the user who types."""
        if self._prompts:
            self.say(text)
            return
        if self._err is None:
            return
        if self._one_screen:
            self._end_line()
        message = _wrapped(f"modechat: {as_commands(text)}", self._err)
        self._writer.put(self._err, _safe(f"{message}\n"))

    def piece(self, text: str) -> None:
        """Write a piece of a line, or several lines."""
        self._prompt = ""
        if self._after_key:
            self._end_line()
        if not self._in_line:
            self._wrap.begin_line()
        self._write(self._wrap.feed(text, _width(self._out)))
        self._in_line = not text.endswith("\n")

    def end_piece(self) -> None:
        """End the text that came in pieces."""
        self._wrap = WordWrap()
        self._end_line()

    def prompt(self, text: str) -> None:
        """Ask for a line, if a user types it here."""
        if self._prompts:
            self._end_line()
            self._prompt = text
            self._prompt_again()

    def line_was_typed(self) -> None:
        """Note that the terminal has shown a typed line, and is at the beginning of the next."""
        self._prompt = ""
        self._in_line = self._after_key = False

    def keys_were_shown(self) -> None:
        """Note that the terminal has shown a key, such as ^C, and is within a line."""
        self._prompt = ""
        self._in_line = self._after_key = self._prompts

    def _prompt_again(self) -> None:
        if self._prompt:
            self._write(self._prompt)
            self._in_line = True

    def _end_line(self) -> None:
        if self._in_line:
            self._write("\n")
        self._in_line = self._after_key = False

    def _write(self, text: str) -> None:
        self._writer.put(self._out, _safe(text))


def _wrapped(text: str, stream: TextIO) -> str:
    return WordWrap().feed(text, _width(stream))


def _width(stream: TextIO) -> int:
    """Return the columns of a terminal; 0 if `stream` is not one, or its size is unknown."""
    if not stream.isatty():
        return 0
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 0


def _safe(text: str) -> str:
    return sanitize(text.replace("\r\n", "\n"))
