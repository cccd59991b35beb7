"""The inside of a paragraph: markdown-it's inline tokens as styled text. Nothing of the source is lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modechat.tui.render.rows import Piece, Style

if TYPE_CHECKING:
    from markdown_it.token import Token

_OPENING = {"strong_open": "strong", "em_open": "emphasis", "s_open": "strike", "link_open": "link"}
_CLOSING = {"strong_close", "em_close", "s_close", "link_close"}
_MATHS = frozenset(("\\(", "\\)", "\\[", "\\]"))
"""Escaped brackets begin and end formulas of LaTeX: with the backslash they can be read."""


def inline_pieces(tokens: Sequence[Token], style: Style = ()) -> list[Piece]:
    """Text with its styles; line breaks are `\\n` in it. An address follows the text of its link."""
    pieces: list[Piece] = []
    styles: list[Style] = [style]
    links: list[tuple[str, int]] = []
    for token in tokens:
        kind = token.type
        if kind == "maths" or kind == "text":
            pieces.append((token.content, styles[-1]))
        elif kind == "text_special":
            pieces.append((token.markup if token.markup in _MATHS else token.content, styles[-1]))
        elif kind in ("softbreak", "hardbreak"):
            pieces.append(("\n", styles[-1]))
        elif kind == "code_inline":
            pieces.append((token.content, (*styles[-1], "code-inline")))
        elif kind == "image":
            pieces.append(("▣ ", styles[-1]))
            pieces += inline_pieces(token.children or (), (*styles[-1], "link"))
            pieces.append((f" ({token.attrGet('src')})", (*styles[-1], "address")))
        elif kind in _OPENING:
            styles.append((*styles[-1], _OPENING[kind]))
            if kind == "link_open":
                links.append((str(token.attrGet("href") or ""), len(pieces)))
        elif kind in _CLOSING:
            styles.pop()
            if kind == "link_close":
                address, start = links.pop()
                shown = "".join(text for text, _ in pieces[start:])
                if shown not in (address, address.removeprefix("mailto:")):
                    pieces.append((f" ({address})", (*styles[-1], "address")))
        else:
            pieces.append((token.content or token.markup, styles[-1]))
    return [piece for piece in pieces if piece[0]]
