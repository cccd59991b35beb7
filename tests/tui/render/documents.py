"""Random Markdown, fed in random pieces, and what its rows say."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import strategies as st

from modechat.tui.render.blocks import Before, Block, blocks_of
from modechat.tui.render.markdown import MarkdownDocument
from modechat.tui.render.rows import Lines, Row

_FRAGMENTS = (
    *(
        "# H\n",
        "para text ",
        "**bold** ",
        "*em",
        "`code` ",
        "\n",
        "\n\n",
        "- item ",
        "  - nested ",
        "1. num ",
    ),
    *(
        "2. two ",
        "> quote ",
        "> - in quote ",
        "```\n",
        "```python\n",
        "def f():\n",
        "    x = 1\n",
        "| a | b |\n",
    ),
    *(
        "|---|---|\n",
        "| 1 | 2 |\n",
        "---\n",
        "    ",
        "\t",
        "~~~\n",
        "[x](http://y) ",
        "日本語",
        "<think>",
        "***\n",
    ),
    *(
        "- [ ] t ",
        "===\n",
        "\\*",
        "+ plus ",
        "10) ten ",
        "word " * 30,
        "[^1]: f\n",
        "&amp;",
        "* \n",
        "-\n",
        "1.\n",
    ),
    *(">\n", "x" * 50, "0. zero ", "a\tb", "👩\u200d👧"),
)
texts = st.lists(st.sampled_from(_FRAGMENTS), min_size=1, max_size=40).map("".join)


def rows_of(lines: Lines, width: int) -> list[Row]:
    return [lines.row(index) for index in range(lines.height(width))]


def shown(lines: Lines, width: int) -> list[str]:
    return [row.text for row in rows_of(lines, width)]


def document(*pieces: str) -> MarkdownDocument:
    made = MarkdownDocument()
    for piece in pieces:
        made.append(piece)
    return made


class Painter:
    """Paints the rows of `lines` as a widget does: those that were settled before are not asked for again."""

    def __init__(self, lines: Lines, width: int) -> None:
        self._lines = lines
        self._width = width
        self._n_settled = 0
        self.painted: list[Row] = []

    def paint(self) -> None:
        height, settled = self._lines.height(self._width), self._lines.n_settled()
        first, self._n_settled = min(self._n_settled, settled), settled
        self.painted[first:] = [self._lines.row(index) for index in range(first, height)]


def count_parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the length of each text that is parsed from now on."""
    parsed: list[int] = []

    def counted(text: str, before: Before | None = None, n_context: int = 0) -> list[Block]:
        parsed.append(len(text))
        return blocks_of(text, before, n_context)

    monkeypatch.setattr("modechat.tui.render.markdown.blocks_of", counted)
    monkeypatch.setattr("modechat.tui.render.open_end.blocks_of", counted)
    return parsed


def cut(text: str, sizes: Sequence[int]) -> list[str]:
    """`text` in pieces of these sizes, over and over."""
    pieces: list[str] = []
    at = 0
    while at < len(text):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(text[at : at + size])
        at += size
    return pieces


def looks(row: Row) -> object:
    """What a row says and how, with neighbours of the same style put together; colours of code left out."""
    pieces: list[tuple[str, tuple[str, ...]]] = []
    for text, style in row.pieces:
        own = tuple(
            name
            for name in style
            if not name.startswith("code-") or name in ("code-title", "code-inline")
        )
        if pieces and pieces[-1][1] == own:
            pieces[-1] = (pieces[-1][0] + text, own)
        else:
            pieces.append((text, own))
    return pieces, row.fill, row.prefix, row.joint, row.padding, row.is_frame
