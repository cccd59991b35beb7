"""Lays out a prompt in lines of a given width: as text, as tokens, or as tokens with their ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from rich.cells import cell_len

from modechat.domain.text import sanitize

if TYPE_CHECKING:
    from modechat.engine.prompt_view import PromptView


class Kind(StrEnum):
    """The kind of a piece of a line; it decides how the piece is drawn."""

    TEXT = "text"
    CONTROL = "control"
    EVEN = "even"
    """A token with an even number; its neighbours are odd."""
    ODD = "odd"
    NOTE = "note"
    """A token's number and id, which are not part of the prompt."""


Line: TypeAlias = list[tuple[str, Kind]]

_WORD = re.compile(r"\S+[^\S\n]*|[^\S\n]+|\n")
_TAB = 4
_SLACK = 8
"""Characters that may lie between two tokens in the text: white space that the tokeniser removed.
"""
_LOST = "\N{REPLACEMENT CHARACTER}"


def text_lines(view: PromptView, width: int) -> list[Line]:
    """Return the prompt's text with its own line breaks; control tokens are separate pieces."""
    lines = _Lines(width)
    end = 0
    for start, stop in control_spans(view):
        _add_words(lines, view.text[end:start])
        lines.add(_visible(view.text[start:stop]).replace("\n", "↵"), Kind.CONTROL)
        end = stop
    _add_words(lines, view.text[end:])
    return lines.finish()


def token_lines(view: PromptView, width: int) -> list[Line]:
    """Return the tokens one after the other; a line ends behind a line break in a token."""
    lines = _Lines(width)
    for number, token in enumerate(view.tokens):
        kind = Kind.ODD if number % 2 else Kind.EVEN
        if token.control:
            kind = Kind.CONTROL
        *broken, last = _visible(token.text).split("\n")
        for part in broken:
            lines.add(f"{part}↵", kind)
            lines.end()
        lines.add(last, kind)
    return lines.finish()


def id_lines(view: PromptView, width: int) -> list[Line]:
    """Return one token per line: its number, its id, its text."""
    lines = _Lines(width)
    last = len(view.tokens) - 1
    numbers = len(f"{max(last, 0)}")
    ids = max((len(f"{token.id}") for token in view.tokens), default=0)
    for number, token in enumerate(view.tokens):
        lines.add(f"{number:>{numbers}}  {token.id:>{ids}}  ", Kind.NOTE)
        kind = Kind.CONTROL if token.control else Kind.EVEN
        lines.add(_visible(token.text).replace("\n", "↵"), kind)
        if number < last:
            lines.end()
    return lines.finish()


class Layout(StrEnum):
    """The ways to show a prompt, in the order in which the key changes them."""

    TEXT = "text"
    TOKENS = "tokens"
    IDS = "token ids"

    @property
    def following(self) -> Layout:
        every = list(Layout)
        return every[(every.index(self) + 1) % len(every)]


LAYOUTS: dict[Layout, Callable[[PromptView, int], list[Line]]] = {
    Layout.TEXT: text_lines,
    Layout.TOKENS: token_lines,
    Layout.IDS: id_lines,
}


def control_spans(view: PromptView) -> Iterator[tuple[int, int]]:
    """Yield start and end of each control token in the prompt's text.

    The text is followed token by token, so a control text that was neutralised is not taken for a
    token.
    """
    position, slack = 0, _SLACK
    for token in view.tokens:
        if not token.text or _LOST in token.text:
            slack += len(token.text)  # one character in several tokens
            continue
        for text in (token.text, token.text.lstrip(" ")):
            start = view.text.find(text, position, position + slack + len(text))
            if text and start >= 0:
                position, slack = start + len(text), _SLACK
                if token.control:
                    yield start, position
                break


def _add_words(lines: _Lines, text: str) -> None:
    for word in _WORD.findall(sanitize(text).replace("\t", " " * _TAB)):
        if word == "\n":
            lines.end()
        else:
            lines.add(word, Kind.TEXT)


def _visible(text: str) -> str:
    """Return a token's text with visible white space; newlines stay."""
    return sanitize(text).replace("\t", "⇥") or "∅"


class _Lines:
    """Fills lines of at most `width` cells.

    A piece that does not fit begins a new line; a piece longer than a line is cut.
    """

    def __init__(self, width: int) -> None:
        self._width = max(1, width)
        self._lines: list[Line] = [[]]
        self._used = 0

    def add(self, text: str, kind: Kind) -> None:
        if self._used and not self._fits(text) and cell_len(text.rstrip()) <= self._width:
            self.end()
        while text:
            n_fitting = len(text)
            if not self._fits(text):
                n_fitting = _n_fitting(text, self._width - self._used)
            if not n_fitting and self._used:
                self.end()
                continue
            n_fitting = n_fitting or 1  # a character that is wider than the line
            part, text = text[:n_fitting], text[n_fitting:]
            self._lines[-1].append((part, kind))
            self._used += cell_len(part)
            if text:
                self.end()

    def _fits(self, text: str) -> bool:
        """Return True if there is room for the text; white space at its end needs none."""
        return self._used + cell_len(text.rstrip()) <= self._width

    def end(self) -> None:
        self._lines.append([])
        self._used = 0

    def finish(self) -> list[Line]:
        return self._lines


def _n_fitting(text: str, cells: int) -> int:
    """Return how many characters at the beginning of `text` take at most `cells`."""
    used = 0
    for index, character in enumerate(text):
        used += cell_len(character)
        if used > cells:
            return index
    return len(text)
