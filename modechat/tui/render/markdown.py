"""Lays out growing Markdown: finished blocks once, and only the open end again.

CommonMark's blocks close line by line: once a block has begun, those before it are final. So the
text keeps only the last block that began on a whole line, and what follows it. This open end is
parsed behind a few lines that open again the containers around it (the item of a list, a quote).
Long blocks give up their beginning too (`open_end.py`). The cost of more text does not depend on
the length of the text before.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from modechat.tui.render.blocks import Before, Block, blocks_of, context_lines
from modechat.tui.render.code import CodeLeaf
from modechat.tui.render.leaves import Leaf, RuleLeaf, TextLeaf
from modechat.tui.render.open_end import (
    LONG_PARAGRAPH,
    MARK,
    SHORTEST_CUT,
    OpenEnd,
    code_lines,
    cut_block,
)
from modechat.tui.render.rows import Row
from modechat.tui.render.source_lines import is_blank
from modechat.tui.render.table import TableLeaf

_PIECE = 4000
"""Characters that are read at once."""
_MOST_OPEN = 8000
"""The most characters that are parsed again. A longer end that cannot be cut becomes final."""


class MarkdownDocument:
    """`Lines` of a Markdown text that grows by `append`."""

    def __init__(self, *, number_code: bool = True) -> None:
        self._number_code = number_code
        self._settled: list[Leaf] = []
        self._ends: list[int] = []
        """The number of the row after each settled leaf."""
        self._n_told = 0
        """The number of settled leaves at the last call of `n_settled`."""
        self._last: list[Leaf] = []
        """The leaves of the open end."""
        self._open = OpenEnd()
        self._codes: list[CodeLeaf] = []
        self._n_codes_settled = 0
        self._width = 0

    @property
    def code_blocks(self) -> Sequence[CodeLeaf]:
        """The code blocks in the order of their numbers, from 1."""
        return self._codes

    def append(self, text: str) -> None:
        """Add text, which must be safe to show (`domain.text.sanitize`)."""
        for start in range(0, len(text), _PIECE):  # some text takes quadratic time
            self._open.text += text[start : start + _PIECE]
            self._read()

    # Lines

    def height(self, width: int) -> int:
        if width != self._width:
            self._width = width
            self._ends = []
        start = self._settled_height
        for leaf in self._settled[len(self._ends) :]:
            start += leaf.height(width)
            self._ends.append(start)
        return start + sum(leaf.height(width) for leaf in self._last)

    @property
    def _settled_height(self) -> int:
        """The number of rows of the settled leaves that have been counted."""
        return self._ends[-1] if self._ends else 0

    def row(self, index: int) -> Row:
        at = bisect_right(self._ends, index)
        if at > 0:
            index -= self._ends[at - 1]
        if at < len(self._ends):
            return self._settled[at].row(index)
        for leaf in self._last:
            height = leaf.height(self._width)
            if index < height:
                return leaf.row(index)
            index -= height
        raise IndexError(index)

    def n_settled(self) -> int:
        told, self._n_told = self._n_told, len(self._ends)
        for at in range(told, self._n_told):
            if self._settled[at].take_changed():
                return self._ends[at - 1] if at else 0
        settled = self._settled_height
        if self._last and not self._last[0].take_changed():
            settled += self._last[0].n_settled()
        return settled

    # Reading

    def _read(self) -> None:
        """Parse the open end, show it, and settle its final part."""
        now = self._open
        source = now.source
        n_context = len(now.context)
        start = n_context if now.growing is None else now.growing_line
        blocks = blocks_of(source, now.before, n_context)
        blocks = [block for block in blocks if block.line >= start]
        del self._codes[self._n_codes_settled :]
        self._last = []
        growing = now.growing
        for block in blocks:
            self._last.append(self._leaf(block, growing))
            growing = None
        self._settle(blocks, source)
        if len(self._open.source) > _MOST_OPEN:
            self._limit_open_end()

    def _limit_open_end(self) -> None:
        if not self._last or isinstance(self._last[-1], RuleLeaf):
            self._shorten()
        elif isinstance(self._last[-1], TextLeaf):
            self._give_up(self._last[-1])

    def _shorten(self) -> None:
        """Drop all but a few of thousands of blanks, or of the characters of a rule.

        The result is the same.
        """
        text = self._open.text
        kept = text[-SHORTEST_CUT:]
        if "\n" in text and "\n" not in kept:
            kept = f"\n{kept}"
        self._open.text = kept

    def _give_up(self, leaf: TextLeaf) -> None:
        """Make everything final.

        Later text goes on in the last paragraph, outside any list or quote around it.
        """
        for settled in self._last[:-1]:
            settled.settle()
        self._settled += self._last[:-1]
        self._n_codes_settled = len(self._codes)
        self._last = [leaf]
        leaf.settle()
        self._open = OpenEnd(text=MARK, before=Before("text"), growing=leaf)

    def _leaf(self, block: Block, growing: Leaf | None) -> Leaf:
        """Return the leaf that shows a block: the growing leaf, or a new one."""
        match block.kind:
            case "code":
                return self._code(block, growing)
            case "table":
                if not isinstance(growing, TableLeaf):
                    growing = TableLeaf(block.prefix, block.head, block.alignments)
                growing.show(block.rows)
                return growing
            case "rule":
                return RuleLeaf(block.prefix)
            case _:
                return self._text(block, growing)

    def _code(self, block: Block, growing: Leaf | None) -> CodeLeaf:
        if not isinstance(growing, CodeLeaf):
            number = 0
            if self._number_code:
                number = len(self._codes) + 1
            growing = CodeLeaf(block.prefix, block.info, number)
        growing.show(*code_lines(block))
        self._codes.append(growing)
        return growing

    def _text(self, block: Block, growing: Leaf | None) -> TextLeaf:
        if isinstance(growing, TextLeaf):
            growing.show(self._open.continued(block.pieces))
            return growing
        text = TextLeaf(block.prefix)
        if block.level:
            text.style = (f"heading-{block.level}",)
        text.show(block.pieces)
        return text

    def _settle(self, blocks: list[Block], source: str) -> None:
        """Remove from the open end everything before the last block that began on a whole line."""
        n_whole = source.count("\n")
        at = len(blocks) - 1
        while at >= 0 and blocks[at].line >= n_whole and len(blocks[at].content) <= LONG_PARAGRAPH:
            at -= 1
        if at < 0:
            return
        now = self._open
        last, leaf = blocks[at], self._last[at]
        lines = source.split("\n")
        self._settle_leaves(at)
        opened = cut_block(now, last, leaf, lines, n_whole)
        if opened is None:
            if at == 0:
                return
            context = context_lines(lines, last.containers, last.start)
            opened = OpenEnd(context, "\n".join(lines[last.start :]))
        if last.start <= len(now.context):
            is_after_blank = now.before.blank
        else:
            is_after_blank = is_blank(lines[last.start - 1])
        kind = now.before.kind
        if at > 0:
            kind = blocks[at - 1].kind
        opened.before = Before(kind, last.ordinals, is_after_blank)
        self._open = opened

    def _settle_leaves(self, count: int) -> None:
        """Settle the first leaves of the open end."""
        for leaf in self._last[:count]:
            leaf.settle()
            self._n_codes_settled += isinstance(leaf, CodeLeaf)
        self._settled += self._last[:count]
        del self._last[:count]
