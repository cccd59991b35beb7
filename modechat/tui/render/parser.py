"""The Markdown parser: markdown-it with the rules of this program."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

_MOST_BRACKETS = 300
_DEEPEST = 60
"""Levels of quotes, lists and items; deeper ones become text of the deepest."""


def parser_for(text: str) -> MarkdownIt:
    """Return the parser for `text`.

    If there are many brackets, the parser finds no links, because that takes quadratic time.
    """
    return parser(finds_links=text.count("[") <= _MOST_BRACKETS)


@cache
def parser(*, finds_links: bool = True) -> MarkdownIt:
    """Return the shared parser, which keeps nothing of what it parses.

    Raw HTML stays text. Definitions of links stay text, too: they would vanish, and so would
    footnotes, which look like them. Escaped characters stay apart from the text around them, so
    that those of formulas can be recognised.
    """
    from markdown_it import MarkdownIt

    from modechat.tui.render.flanking import FlankingInline
    from modechat.tui.render.maths import add_maths

    parser = MarkdownIt()
    parser.inline = FlankingInline()
    parser.configure("commonmark", {"html": False, "maxNesting": _DEEPEST + 10})
    add_maths(parser)
    parser.enable(["table", "strikethrough"]).disable(["reference", "text_join"])
    if not finds_links:
        parser.disable(["link", "image"])
    parser.block.ruler.before("table", "too_deep", _too_deep)
    return parser


def _too_deep(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Make a paragraph of what is nested too deep, which markdown-it would leave out."""
    if state.level < _DEEPEST or silent:
        return False
    line = start + 1
    while line < end and not state.isEmpty(line) and state.sCount[line] >= state.blkIndent:
        line += 1
    state.line = line
    opened = state.push("paragraph_open", "p", 1)
    text = state.push("inline", "", 0)
    state.push("paragraph_close", "p", -1)
    opened.map = text.map = [start, line]
    text.content = state.getLines(start, line, state.blkIndent, False).strip()
    text.children = []
    return True
