"""Markdown that grows: what is finished is laid out once, only the open end is parsed again.

CommonMark's blocks close line by line: once a block has begun, those before it are final. So all but the last block
that began on a whole line is taken out of the text. What is left is parsed behind a few lines that open the containers
around it again (the item of a list, a quote). Long blocks give up their beginning too: whole lines of code, whole
rows of a table, the start of a long paragraph. The cost of more text does not depend on how much there was before.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from modechat.tui.render.blocks import (
    Before,
    Block,
    blocks_of,
    context_lines,
    inside,
    is_blank,
    parser_for,
    prefix_of,
)
from modechat.tui.render.code import CodeLeaf
from modechat.tui.render.inline import inline_pieces
from modechat.tui.render.leaves import Leaf, RuleLeaf, TextLeaf
from modechat.tui.render.rows import Piece, Row, Style, strip_start
from modechat.tui.render.table import TableLeaf

_LONG_PARAGRAPH = 3000
"""Characters; of a longer one only the end is parsed again."""
_KEPT_OF_PARAGRAPH = 600
_PIECE = 4000
"""Characters that are read at once."""
_SHORTEST_CUT = 1000
_MOST_OPEN = 8000
"""Characters that are parsed again at most; where text could not be cut, it goes on as plain text of its paragraph."""
_LONG_CODE = 2000
_FENCE_END = re.compile(r"\s*(`+|~+)\s*")
_MARK = "x "
"""Stands before text that goes on in the middle of a paragraph, so that it cannot begin a block."""


@dataclass(slots=True)
class _Open:
    """The end of the text that is still open, and what is before it."""

    context: list[str] = field(default_factory=list)
    """Lines that open the containers, and the fence or the head of the table that goes on."""
    text: str = ""
    before: Before = field(default_factory=Before)
    growing: Leaf | None = None
    """The leaf that goes on, if the text begins in the middle of one."""
    growing_line: int = 0
    """Where the block of that leaf begins, in lines from the start of the context."""
    joint: str = ""
    """What joins the text to what a growing paragraph has already."""

    @property
    def source(self) -> str:
        return "".join(f"{line}\n" for line in self.context) + self.text


class MarkdownDocument:
    """`Lines` of a Markdown text to which `append` adds."""

    def __init__(self, *, number_code: bool = True) -> None:
        self._number_code = number_code
        self._settled: list[Leaf] = []
        self._ends: list[int] = []
        """The row after each settled leaf."""
        self._last: list[Leaf] = []
        """The leaves of the open end."""
        self._open = _Open()
        self._codes: list[CodeLeaf] = []
        self._n_codes_settled = 0
        self._width = 0

    @property
    def code_blocks(self) -> Sequence[CodeLeaf]:
        """In the order of their numbers, from 1."""
        return self._codes

    @property
    def open_source(self) -> str:
        """What is parsed again when more comes."""
        return self._open.source

    def append(self, text: str) -> None:
        """More of the text. It must be safe to show (`domain.text.sanitize`)."""
        for start in range(0, len(text), _PIECE):  # some text takes quadratic time
            self._open.text += text[start : start + _PIECE]
            self._read()

    # Lines

    def height(self, width: int) -> int:
        if width != self._width:
            self._width = width
            self._ends = []
        start = self._ends[-1] if self._ends else 0
        for leaf in self._settled[len(self._ends) :]:
            start += leaf.height(width)
            self._ends.append(start)
        return start + sum(leaf.height(width) for leaf in self._last)

    def row(self, index: int) -> Row:
        at = bisect_right(self._ends, index)
        if at < len(self._ends):
            return self._settled[at].row(index - (self._ends[at - 1] if at else 0))
        index -= self._ends[-1] if self._ends else 0
        for leaf in self._last:
            height = leaf.height(self._width)
            if index < height:
                return leaf.row(index)
            index -= height
        raise IndexError(index)

    def n_settled(self) -> int:
        start = self._ends[-1] if self._ends else 0
        return start + (self._last[0].n_settled() if self._last else 0)

    # Reading

    def _read(self) -> None:
        """Parse the open end, show it, and settle of it what is final."""
        now = self._open
        source = now.source
        start = len(now.context) if now.growing is None else now.growing_line
        blocks = [
            block
            for block in blocks_of(source, now.before, len(now.context))
            if block.line >= start
        ]
        del self._codes[self._n_codes_settled :]
        self._last = [
            self._leaf(block, now.growing if at == 0 else None) for at, block in enumerate(blocks)
        ]
        self._settle(blocks, source)
        last = self._last[-1] if self._last else None
        if len(self._open.source) > _MOST_OPEN:
            if isinstance(last, TextLeaf):
                self._give_up(last)
            elif last is None or isinstance(last, RuleLeaf):
                self._shorten()

    def _shorten(self) -> None:
        """Thousands of blanks, or of what makes a rule, do as much as a few of them."""
        text = self._open.text
        kept = text[-_SHORTEST_CUT:]
        self._open.text = kept if "\n" in kept or "\n" not in text else f"\n{kept}"

    def _give_up(self, leaf: TextLeaf) -> None:
        """All is final: what follows goes on in the last paragraph, in no list or quote that may be around it."""
        for settled in self._last[:-1]:
            settled.settle()
        self._settled += self._last[:-1]
        self._n_codes_settled = len(self._codes)
        self._last = [leaf]
        leaf.settle()
        self._open = _Open(text=_MARK, before=Before("text"), growing=leaf)

    def _leaf(self, block: Block, growing: Leaf | None) -> Leaf:
        """The leaf that shows a block: the one that grows, or a new one."""
        if block.kind == "code":
            number = len(self._codes) + 1 if self._number_code else 0
            code = (
                growing
                if isinstance(growing, CodeLeaf)
                else CodeLeaf(block.prefix, block.info, number)
            )
            code.show(*_code_lines(block))
            self._codes.append(code)
            return code
        if block.kind == "table":
            table = (
                growing
                if isinstance(growing, TableLeaf)
                else TableLeaf(block.prefix, block.head, block.alignments)
            )
            table.show(block.rows)
            return table
        if block.kind == "rule":
            return RuleLeaf(block.prefix)
        text = (
            growing if isinstance(growing, TextLeaf) else TextLeaf(block.prefix, _text_style(block))
        )
        text.show(self._continued(block.pieces) if text is growing else block.pieces)
        return text

    def _continued(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Of a paragraph that goes on: as it follows what is there."""
        following = strip_start(list(pieces), len(_MARK))
        return [(self._open.joint, ()), *following] if following and self._open.joint else following

    def _settle(self, blocks: list[Block], source: str) -> None:
        """Take out of the open end what is final: all before the last block that began on a whole line."""
        n_whole = source.count("\n")
        at = len(blocks) - 1
        while at >= 0 and blocks[at].line >= n_whole and len(blocks[at].content) <= _LONG_PARAGRAPH:
            at -= 1
        if at < 0:
            return
        last, leaf, lines = blocks[at], self._last[at], source.split("\n")
        if at > 0:
            for settled in self._last[:at]:
                settled.settle()
            self._settled += self._last[:at]
            self._n_codes_settled += sum(
                isinstance(settled, CodeLeaf) for settled in self._last[:at]
            )
            del self._last[:at]
        cut = self._cut_of(last, leaf, lines, n_whole)
        if cut is None and at == 0:
            return
        now = self._open
        blank = (
            now.before.blank if last.start <= len(now.context) else is_blank(lines[last.start - 1])
        )
        before = Before(blocks[at - 1].kind if at > 0 else now.before.kind, last.ordinals, blank)
        if cut is None:
            context = context_lines(lines, last.containers, last.start)
            self._open = _Open(context, "\n".join(lines[last.start :]), before)
        else:
            self._open = cut
            self._open.before = before

    def _cut_of(self, block: Block, leaf: Leaf, lines: list[str], n_whole: int) -> _Open | None:
        """What stays open where the beginning of the last block is final already; None where nothing of it is."""
        if isinstance(leaf, CodeLeaf) and block.is_fenced:
            whole, partial = _code_lines(block)
            leaf.grow(whole)
            leaf.show((), partial)
            return self._grows(block, leaf, lines, 1, len(whole))
        if isinstance(leaf, CodeLeaf) and len(block.content) > _LONG_CODE:
            return self._cut_indented(block, leaf, lines)
        if isinstance(leaf, TableLeaf) and n_whole >= block.line + 2:
            n_rows = min(len(block.rows), n_whole - block.line - 2)
            leaf.grow(block.rows[:n_rows])
            leaf.show(block.rows[n_rows:])
            return self._grows(block, leaf, lines, 2, n_rows)
        if isinstance(leaf, TextLeaf) and not block.level and len(block.content) > _LONG_PARAGRAPH:
            return self._cut_paragraph(block, leaf, lines)
        return None

    def _cut_indented(self, block: Block, leaf: CodeLeaf, lines: list[str]) -> _Open | None:
        """All but the last line that is not blank: blank lines at the end belong to the code only if it goes on."""
        whole, partial = _code_lines(block)
        n_final = len(whole) - 1
        while n_final > 0 and is_blank(whole[n_final]):
            n_final -= 1
        if n_final <= 0:
            return None
        leaf.grow(whole[:n_final])
        leaf.show(whole[n_final:], partial)
        return self._grows(block, leaf, lines, 0, n_final)

    def _grows(
        self, block: Block, leaf: Leaf, lines: list[str], n_opening: int, n_final: int
    ) -> _Open:
        """A block goes on that has opening lines: those are kept, the lines behind them that are final are not."""
        opening = lines[block.line : block.line + n_opening]
        if isinstance(
            leaf, CodeLeaf
        ):  # with bars in it, and dashes next, it would be the head of a table
            opening = [line.replace("|", " ") for line in opening]
        if leaf is self._open.growing:
            context = self._open.context
        else:
            context = [*context_lines(lines, block.containers, block.line), *opening]
        rest = "\n".join(lines[block.line + n_opening + n_final :])
        return _Open(context, rest, growing=leaf, growing_line=len(context) - n_opening)

    def _cut_paragraph(self, block: Block, leaf: TextLeaf, lines: list[str]) -> _Open | None:
        content = block.content
        end = len(content) - _KEPT_OF_PARAGRAPH
        cut = max(content.rfind("\n", 0, end), content.rfind(" ", 0, end))
        joint = content[cut] if cut >= _SHORTEST_CUT else ""
        cut = cut if joint else end
        n_before = content.count("\n", 0, cut)
        at = block.line + n_before + (1 if joint == "\n" else 0)
        within = 0 if joint == "\n" else cut + len(joint) - (content.rfind("\n", 0, cut) + 1)
        shown = content.split("\n")[at - block.line]
        start = lines[at].find(shown.rstrip())
        if start < 0:
            return None
        context = context_lines(lines, block.containers, block.line + 1)
        if sum(map(len, context)) > _SHORTEST_CUT:
            return None
        rest = (inside(context[-2] and prefix_of(context[-2])) + " " if context else "") + _MARK
        rest += lines[at][start + within :]
        opened = _Open(context, "\n".join((rest, *lines[at + 1 :])), growing=leaf, joint=joint)
        opened.growing_line = len(context)
        blocks = blocks_of(opened.source, opened.before, len(context))
        going_on = next((one for one in blocks if one.line >= len(context)), None)
        if going_on is None or going_on.kind != "text":
            return None
        head = inline_pieces(parser_for(content).parseInline(content[:cut])[0].children or ())
        leaf.grow(self._continued(head) if leaf is self._open.growing else head)
        self._open = opened
        leaf.show(self._continued(going_on.pieces))
        return opened


def _text_style(block: Block) -> Style:
    return (f"heading-{block.level}",) if block.level else ()


def _code_lines(block: Block) -> tuple[list[str], str]:
    """The whole lines of a code block, and the one that is being written (empty if it could be the fence's end)."""
    *whole, partial = block.content.split("\n")
    return whole, "" if block.is_fenced and _FENCE_END.fullmatch(partial) else partial
