"""The lines that come out. Only ever adds to them; nothing in them can act on a terminal.

A terminal breaks lines within words: there they are broken between words. Pipes get lines as they are.
"""

from __future__ import annotations

import os
from typing import TextIO

from modechat.domain.text import sanitize
from modechat.plain.word_wrap import WordWrap
from modechat.plain.writer import Writer


class Output:
    """The conversation goes to `out`, what the app has to say besides to `err` (None: nowhere)."""

    def __init__(self, writer: Writer, out: TextIO, err: TextIO | None, *, prompts: bool) -> None:
        """`prompts`: the user types where the conversation is shown."""
        self._writer = writer
        self._out = out
        self._err = err
        self._prompts = prompts
        self._one_screen = out.isatty() and err is not None and err.isatty() and not prompts
        self._in_line = False
        self._wrap = WordWrap()
        self._after_key = False
        """Whether the terminal has shown a key where it stood."""
        self._prompt = ""

    @property
    def tells_progress(self) -> bool:
        """Whether somebody watches who wants to know how far things are."""
        return self._prompts or (self._err is not None and self._err.isatty())

    @property
    def echoes(self) -> bool:
        """Whether what the user says must be written, too, because no terminal does it."""
        return not self._prompts

    def line(self, text: str, *, as_it_is: bool = False) -> None:
        """One or more whole lines of the conversation."""
        self._end_line()
        self._write(f"{text if as_it_is else _wrapped(text, self._out)}\n")
        self._prompt_again()

    def say(self, text: str) -> None:
        """Something of the app that belongs to the conversation."""
        self.line(f"modechat: {text}")

    def notice(self, text: str) -> None:
        """Something worth knowing besides; who types has it between the other lines."""
        if self._prompts:
            self.say(text)
            return
        if self._err is None:
            return
        if self._one_screen:
            self._end_line()
        self._writer.put(self._err, _safe(f"{_wrapped(f'modechat: {text}', self._err)}\n"))

    def piece(self, text: str) -> None:
        """A piece of a line, or several."""
        self._prompt = ""
        if self._after_key:
            self._end_line()
        if not self._in_line:
            self._wrap.begin_line()
        self._write(self._wrap.feed(text, _width(self._out)))
        self._in_line = not text.endswith("\n")

    def end_piece(self) -> None:
        """The text that came in pieces is complete."""
        self._wrap = WordWrap()
        self._end_line()

    def prompt(self, text: str) -> None:
        """Ask for a line, where a user types it."""
        if self._prompts:
            self._end_line()
            self._prompt = text
            self._prompt_again()

    def line_was_typed(self) -> None:
        """The terminal has shown what the user typed, and is at the beginning of a line."""
        self._prompt = ""
        self._in_line = self._after_key = False

    def keys_were_shown(self) -> None:
        """The terminal has shown a key, such as ^C, and is within a line."""
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
    """Columns of the terminal that it is; 0 if it is none, or one that does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except OSError:
        return 0


def _safe(text: str) -> str:
    return sanitize(text.replace("\r\n", "\n"))
