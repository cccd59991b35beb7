"""markdown-it's tokens as a list of blocks without blocks inside, each with what stands before its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from modechat.tui.render.inline import inline_pieces
from modechat.tui.render.rows import BULLETS, DONE, QUOTE_BAR, TO_DO, Piece, Prefix, strip_start
from modechat.tui.render.table import Cells

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

_QUOTE: Piece = (QUOTE_BAR, ("quote-bar",))
_TASK = re.compile(r"\[([ xX])\] ")
_EMPTY_LINE = re.compile(r"[\s>]*")
_OF_THEIR_OWN = ("code", "table", "rule", "heading")
"""Kinds of blocks that have a blank row before them whatever the source has."""
_MOST_BRACKETS = 300
_DEEPEST = 60
"""Levels of quotes, lists and items; what is deeper is text of the deepest."""


def parser_for(text: str) -> MarkdownIt:
    """The parser for `text`. Where there are many brackets, it looks for no links: that takes quadratic time."""
    return parser(finds_links=text.count("[") <= _MOST_BRACKETS)


@cache
def parser(*, finds_links: bool = True) -> MarkdownIt:
    """One for all texts: it keeps nothing of what it parses.

    Raw HTML stays text. So do definitions of links: they would vanish, with what looks like one (footnotes). Escaped
    characters stay apart from the text around them, so that those of formulas can be told.
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
    """A rule: markdown-it leaves out what is nested too deep for it, so that is a paragraph instead."""
    if state.level < _DEEPEST or silent:
        return False
    state.line = start + 1
    while (
        state.line < end
        and not state.isEmpty(state.line)
        and state.sCount[state.line] >= state.blkIndent
    ):
        state.line += 1
    opened = state.push("paragraph_open", "p", 1)
    text = state.push("inline", "", 0)
    state.push("paragraph_close", "p", -1)
    opened.map = text.map = [start, state.line]
    text.content = state.getLines(start, state.line, state.blkIndent, False).strip()
    text.children = []
    return True


@dataclass(slots=True)
class Container:
    """A list, an item or a quote around blocks."""

    kind: str
    line: int
    marker: str = ""
    ordinal: int = 0
    """Of the list's current item, or of the item."""
    used: bool = False
    """Whether a block in it was there already."""


@dataclass(slots=True)
class Block:
    kind: str
    """`text`, `heading`, `code`, `table` or `rule`."""
    line: int
    """Where it begins in the source, from 0."""
    end: int
    """The line after it."""
    start: int
    """Where the containers begin that it is the first block of; else as `line`."""
    prefix: Prefix
    containers: tuple[Container, ...]
    """Those around it, from the outside."""
    ordinals: tuple[int, ...]
    """The numbers of the current items of the lists around it."""
    level: int = 0
    content: str = ""
    """Of text: its source; of code: the text itself."""
    pieces: list[Piece] = field(default_factory=list)
    info: str = ""
    is_fenced: bool = False
    head: Cells = ()
    alignments: tuple[str, ...] = ()
    rows: list[Cells] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Before:
    """What was before the text that is parsed."""

    kind: str = ""
    """Of the last block; empty: nothing was before."""
    ordinals: tuple[int, ...] = ()
    """The numbers to go on with in lists."""
    blank: bool = False
    """Whether a blank line was before the first block."""


def blocks_of(text: str, before: Before | None = None, n_context: int = 0) -> list[Block]:
    """The blocks of `text`. The first `n_context` lines only say what is around it, and belong to `before`."""
    return _Walk(text, before or Before(), n_context).blocks()


class _Walk:
    def __init__(self, text: str, before: Before, n_context: int) -> None:
        self._tokens = parser_for(text).parse(text)
        self._lines = text.split("\n")
        self._n_context = n_context
        self._kind = before.kind
        self._blank: bool | None = before.blank if before.kind else None
        """Before the first block that is not of the context; None when it was read."""
        self._ordinals = list(before.ordinals)
        self._around: list[Container] = []
        self._blocks: list[Block] = []

    def blocks(self) -> list[Block]:
        index = 0
        while index < len(self._tokens):
            index = self._take(index)
        return self._blocks

    def _take(self, index: int) -> int:
        """Read the token at `index`; which one is next."""
        token = self._tokens[index]
        kind = token.type
        line, end = token.map or (0, 0)
        if kind in ("bullet_list_open", "ordered_list_open"):
            attribute = token.attrGet("start")
            start = int(attribute) if attribute is not None else 1
            if self._ordinals:
                start = self._ordinals.pop(0)
            self._around.append(Container(kind.removesuffix("_open"), line, ordinal=start - 1))
        elif kind == "list_item_open":
            around = self._around[-1]
            around.ordinal += 1
            self._around.append(Container("item", line, self._marker(around), around.ordinal))
        elif kind == "blockquote_open":
            self._around.append(Container("quote", line))
        elif kind == "list_item_close" and not self._around[-1].used:
            container = self._around[-1]
            self._add("text", container.line, container.line + 1)
            self._around.pop()
        elif kind in (
            "bullet_list_close",
            "ordered_list_close",
            "list_item_close",
            "blockquote_close",
        ):
            self._around.pop()
        elif kind in ("paragraph_open", "heading_open"):
            inline = self._tokens[index + 1]
            self._text(token, inline, line, end)
            return index + 3
        elif kind in ("fence", "code_block"):
            block = self._add("code", line, end)
            block.content, block.info = token.content, token.info
            block.is_fenced = kind == "fence"
        elif kind == "hr":
            self._add("rule", line, end)
        elif kind == "table_open":
            return self._table(index)
        return index + 1

    def _text(self, token: Token, inline: Token, line: int, end: int) -> None:
        is_heading = token.type == "heading_open"
        pieces = inline_pieces(inline.children or ())
        item = self._around[-1] if self._around else None
        if (
            item is not None
            and item.kind == "item"
            and not item.used
            and (task := _TASK.match(inline.content))
        ):
            item.marker = TO_DO if task[1] == " " else DONE
            pieces = strip_start(pieces, task.end())
        block = self._add("heading" if is_heading else "text", line, end)
        block.pieces, block.content = pieces, inline.content
        block.level = int(token.tag[1:]) if is_heading else 0

    def _table(self, index: int) -> int:
        line, end = self._tokens[index].map or (0, 0)
        rows: list[list[list[Piece]]] = []
        alignments: list[str] = []
        while self._tokens[index].type != "table_close":
            token = self._tokens[index]
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                rows[-1].append(inline_pieces(self._tokens[index + 1].children or ()))
                if token.type == "th_open":
                    alignments.append(str(token.attrGet("style") or "").removeprefix("text-align:"))
            index += 1
        block = self._add("table", line, end)
        block.head, block.alignments = rows[0], tuple(alignments)
        block.rows = list(rows[1:])
        return index + 1

    def _marker(self, around: Container) -> str:
        if around.kind == "ordered_list":
            return f"{around.ordinal}. "
        depth = sum(container.kind == "bullet_list" for container in self._around) - 1
        return BULLETS[depth % len(BULLETS)]

    def _add(self, kind: str, line: int, end: int) -> Block:
        is_context = kind == "text" and end <= self._n_context
        start = min(
            (one.line for one in self._around if not one.used and not one.kind.endswith("list")),
            default=line,
        )
        blank = start > 0 and is_blank(self._lines[start - 1])
        if start == self._n_context and self._blank is not None:
            blank = self._blank
        has_gap = bool(self._kind) and (
            blank or kind in _OF_THEIR_OWN or self._kind in ("code", "table", "rule")
        )
        first: list[Piece] = []
        rest: list[Piece] = []
        gap: list[Piece] = []
        is_new = False
        for container in self._around:
            if container.kind == "quote":
                is_new |= not container.used
                first.append(_QUOTE)
                rest.append(_QUOTE)
                if not is_new:
                    gap.append(_QUOTE)
            elif container.kind == "item":
                is_new |= not container.used
                space: Piece = (" " * len(container.marker), ())
                first.append(space if container.used else (container.marker, ("bullet",)))
                rest.append(space)
                if not is_new:
                    gap.append(space)
            container.used = True
        prefix = Prefix(tuple(first), tuple(rest), tuple(gap) if has_gap else None)
        ordinals = tuple(around.ordinal for around in self._around if around.kind.endswith("list"))
        block = Block(kind, line, end, start, prefix, tuple(self._around), ordinals)
        self._blocks.append(block)
        if not is_context:
            self._kind = kind
            self._ordinals = []
            self._blank = None
        return block


def is_blank(line: str) -> bool:
    """Whether a line of source has nothing in it, in whatever quotes."""
    return _EMPTY_LINE.fullmatch(line) is not None


def prefix_of(line: str) -> str:
    """The part of a line of source that opens or continues containers: bars, bullets, numbers and their spaces."""
    match = re.match(r"(?:[ >]|[-+*](?=[ \n]|$)|\d{1,9}[.)](?=[ \n]|$))*", line)
    return match[0] if match else ""


def context_lines(lines: Sequence[str], containers: Sequence[Container], line: int) -> list[str]:
    """Lines of source that open those of `containers` again that began before `line`, and say nothing.

    The last one is blank, so that what follows does not go on with them.
    """
    opened = sorted(
        {one.line for one in containers if one.kind in ("item", "quote") and one.line < line}
    )
    if not opened:
        return []
    prefixes = [prefix_of(lines[at]) for at in opened]
    return [
        *(f"{prefix}x" if prefix.endswith(" ") else f"{prefix} x" for prefix in prefixes),
        inside(prefixes[-1]),
    ]


def inside(prefix: str) -> str:
    """What continues the containers that `prefix` opens."""
    return re.sub(r"[^> ]", " ", prefix).rstrip()
