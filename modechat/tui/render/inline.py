"""Turns markdown-it's inline tokens of a paragraph into styled text.

Nothing of the source is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modechat.tui.render.rows import Piece, Style

if TYPE_CHECKING:
    from markdown_it.token import Token

_OPENING = {"strong_open": "strong", "em_open": "emphasis", "s_open": "strike", "link_open": "link"}
_CLOSING = {"strong_close", "em_close", "s_close", "link_close"}
_MATHS = frozenset(("\\(", "\\)", "\\[", "\\]"))
"""Escaped brackets that delimit formulas of LaTeX. They keep the backslash, to be readable."""


def inline_pieces(tokens: Sequence[Token], style: Style = ()) -> list[Piece]:
    """Return text with its styles; line breaks are `\\n` in it.

    The address of a link follows its text.
    """
    return _Inline(style).pieces(tokens)


class _Inline:
    """Reads the tokens of a paragraph, and keeps the open styles."""

    def __init__(self, style: Style) -> None:
        self._pieces: list[Piece] = []
        self._styles: list[Style] = [style]
        self._links: list[tuple[str, int]] = []
        """The address of each open link, and the index of the first piece of its text."""

    def pieces(self, tokens: Sequence[Token]) -> list[Piece]:
        for token in tokens:
            kind = token.type
            if kind in _OPENING:
                self._open(token)
            elif kind in _CLOSING:
                self._close(token)
            elif kind == "image":
                self._add_image(token)
            elif kind == "code_inline":
                self._add(token.content, "code-inline")
            else:
                self._add(_text_of(token))
        return [piece for piece in self._pieces if piece[0]]

    def _add(self, text: str, *style: str) -> None:
        self._pieces.append((text, (*self._styles[-1], *style)))

    def _open(self, token: Token) -> None:
        self._styles.append((*self._styles[-1], _OPENING[token.type]))
        if token.type == "link_open":
            self._links.append((str(token.attrGet("href") or ""), len(self._pieces)))

    def _close(self, token: Token) -> None:
        self._styles.pop()
        if token.type == "link_close":
            address, start = self._links.pop()
            shown = "".join(text for text, _ in self._pieces[start:])
            if shown not in (address, address.removeprefix("mailto:")):
                self._add(f" ({address})", "address")

    def _add_image(self, token: Token) -> None:
        self._add("▣ ")
        self._pieces += inline_pieces(token.children or (), (*self._styles[-1], "link"))
        self._add(f" ({token.attrGet('src')})", "address")


def _text_of(token: Token) -> str:
    """Return the text of a token that has no style of its own."""
    match token.type:
        case "softbreak" | "hardbreak":
            return "\n"
        case "text" | "maths":
            return token.content
        case "text_special" if token.markup not in _MATHS:
            return token.content
        case "text_special":
            return token.markup
        case _:
            return token.content or token.markup
