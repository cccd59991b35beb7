"""Turns markdown-it's tokens into a flat list of blocks, each with the prefix of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from modechat.tui.render.inline import inline_pieces
from modechat.tui.render.parser import parser_for
from modechat.tui.render.rows import BULLETS, DONE, QUOTE_BAR, TO_DO, Piece, Prefix, strip_start
from modechat.tui.render.source_lines import is_blank, opening_lines
from modechat.tui.render.table import Cells

if TYPE_CHECKING:
    from markdown_it.token import Token

_QUOTE: Piece = (QUOTE_BAR, ("quote-bar",))
_TASK = re.compile(r"\[([ xX])\] ")
_STAND_APART = ("code", "table", "rule")
"""Kinds of blocks with a blank row before and after them, even if the source has none."""


@dataclass(slots=True)
class Container:
    """A list, an item or a quote around blocks."""

    kind: str
    line: int
    marker: str = ""
    ordinal: int = 0
    """The number of the item, or of the list's current item."""
    used: bool = False
    """True once a block was in it."""

    @property
    def is_list(self) -> bool:
        return self.kind.endswith("list")

    @property
    def opening(self) -> Piece:
        """The prefix of the first row inside a quote or an item."""
        if self.kind == "quote":
            return _QUOTE
        return self.marker, ("bullet",)

    @property
    def following(self) -> Piece:
        """The prefix of the other rows."""
        if self.kind == "quote":
            return _QUOTE
        return " " * len(self.marker), ()


@dataclass(slots=True)
class Block:
    kind: str
    """`text`, `heading`, `code`, `table` or `rule`."""
    line: int
    """The line of the source in which the block begins, from 0."""
    end: int
    """The line after it."""
    start: int
    """The first line of the outermost container that begins with this block; else `line`."""
    prefix: Prefix
    containers: tuple[Container, ...]
    """The containers around the block, the outermost first."""
    ordinals: tuple[int, ...]
    """The numbers of the current items of the lists around the block."""
    level: int = 0
    content: str = ""
    """The source of a text, or the code of a code block."""
    pieces: list[Piece] = field(default_factory=list)
    info: str = ""
    is_fenced: bool = False
    head: Cells = ()
    alignments: tuple[str, ...] = ()
    rows: list[Cells] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Before:
    """The state at the start of the text that is parsed."""

    kind: str = ""
    """The kind of the last block; empty: no block was before."""
    ordinals: tuple[int, ...] = ()
    """The numbers from which lists go on."""
    blank: bool = False
    """True if a blank line was before the first block."""


def blocks_of(text: str, before: Before | None = None, n_context: int = 0) -> list[Block]:
    """Return the blocks of `text`.

    Its first `n_context` lines only open the containers around it, and belong to `before`.
    """
    return _Walk(text, before or Before(), n_context).blocks()


class _Walk:
    """Reads the tokens of a text, and keeps the open containers."""

    def __init__(self, text: str, before: Before, n_context: int) -> None:
        self._tokens = parser_for(text).parse(text)
        self._lines = text.split("\n")
        self._n_context = n_context
        self._kind = before.kind
        self._blank: bool | None = None
        """True if a blank line was before the first new block; None after that block."""
        if before.kind:
            self._blank = before.blank
        self._ordinals = list(before.ordinals)
        self._around: list[Container] = []
        self._blocks: list[Block] = []

    def blocks(self) -> list[Block]:
        index = 0
        while index < len(self._tokens):
            index = self._read(index)
        return self._blocks

    def _read(self, index: int) -> int:
        """Read the token at `index`; return the index of the next token to read."""
        token = self._tokens[index]
        line, end = token.map or (0, 0)
        match token.type:
            case "bullet_list_open" | "ordered_list_open":
                self._open_list(token, line)
            case "list_item_open":
                self._open_item(line)
            case "blockquote_open":
                self._around.append(Container("quote", line))
            case "list_item_close":
                self._close_item()
            case "bullet_list_close" | "ordered_list_close" | "blockquote_close":
                self._around.pop()
            case "paragraph_open" | "heading_open":
                self._add_text(token, self._tokens[index + 1], line, end)
                return index + 3
            case "fence" | "code_block":
                self._add_code(token, line, end)
            case "hr":
                self._add("rule", line, end)
            case "table_open":
                return self._add_table(index)
        return index + 1

    def _open_list(self, token: Token, line: int) -> None:
        start = 1
        attribute = token.attrGet("start")
        if self._ordinals:
            start = self._ordinals.pop(0)
        elif attribute is not None:
            start = int(attribute)
        self._around.append(Container(token.type.removesuffix("_open"), line, ordinal=start - 1))

    def _open_item(self, line: int) -> None:
        around = self._around[-1]
        around.ordinal += 1
        self._around.append(Container("item", line, self._marker(around), around.ordinal))

    def _close_item(self) -> None:
        item = self._around[-1]
        if not item.used:
            self._add("text", item.line, item.line + 1)
        self._around.pop()

    def _add_text(self, token: Token, inline: Token, line: int, end: int) -> None:
        pieces = self._without_task(inline.content, inline_pieces(inline.children or ()))
        if token.type == "heading_open":
            block = self._add("heading", line, end)
            block.level = int(token.tag[1:])
        else:
            block = self._add("text", line, end)
        block.pieces = pieces
        block.content = inline.content

    def _without_task(self, content: str, pieces: list[Piece]) -> list[Piece]:
        """Make the box of a task the marker of its item, and return the pieces without it."""
        if not self._around or self._around[-1].kind != "item" or self._around[-1].used:
            return pieces
        task = _TASK.match(content)
        if task is None:
            return pieces
        self._around[-1].marker = TO_DO if task[1] == " " else DONE
        return strip_start(pieces, task.end())

    def _add_code(self, token: Token, line: int, end: int) -> None:
        block = self._add("code", line, end)
        block.content = token.content
        block.info = token.info
        block.is_fenced = token.type == "fence"

    def _add_table(self, index: int) -> int:
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
        block.head = rows[0]
        block.rows = list(rows[1:])
        block.alignments = tuple(alignments)
        return index + 1

    def _marker(self, around: Container) -> str:
        if around.kind == "ordered_list":
            return f"{around.ordinal}. "
        depth = sum(container.kind == "bullet_list" for container in self._around) - 1
        return BULLETS[depth % len(BULLETS)]

    def _add(self, kind: str, line: int, end: int) -> Block:
        start = line
        ordinals: list[int] = []
        for container in self._around:
            if container.is_list:
                ordinals.append(container.ordinal)
            elif not container.used:
                start = min(start, container.line)
        prefix = self._prefix(has_gap=self._has_gap(kind, start))
        block = Block(kind, line, end, start, prefix, tuple(self._around), tuple(ordinals))
        self._blocks.append(block)
        is_context = kind == "text" and end <= self._n_context
        if not is_context:
            self._kind = kind
            self._ordinals = []
            self._blank = None
        return block

    def _has_gap(self, kind: str, start: int) -> bool:
        """Return True if a blank row is before a block of this kind that begins in line `start`."""
        if not self._kind:
            return False
        if kind == "heading" or kind in _STAND_APART or self._kind in _STAND_APART:
            return True
        if start == self._n_context and self._blank is not None:
            return self._blank
        return start > 0 and is_blank(self._lines[start - 1])

    def _prefix(self, *, has_gap: bool) -> Prefix:
        """Return the prefix that the containers put before the rows of a block.

        Mark them as used.
        """
        first: list[Piece] = []
        rest: list[Piece] = []
        gap: list[Piece] = []
        is_new = False
        for container in self._around:
            if not container.is_list:
                is_new |= not container.used
                following = container.following
                first.append(following if container.used else container.opening)
                rest.append(following)
                if not is_new:
                    gap.append(following)
            container.used = True
        if not has_gap:
            return Prefix(tuple(first), tuple(rest))
        return Prefix(tuple(first), tuple(rest), tuple(gap))


def context_lines(lines: Sequence[str], containers: Sequence[Container], line: int) -> list[str]:
    """Return lines of source that open again the containers that began before `line`."""
    opened = [one.line for one in containers if not one.is_list and one.line < line]
    return opening_lines(lines, opened)
