"""Keeps the open end of a Markdown text, and cuts the beginning off long blocks.

A growing block gives its final part to its leaf: whole lines of code, whole rows of a table, the
start of a long paragraph. The rest is parsed again behind a few lines that open the containers
around it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from modechat.tui.render.blocks import Before, Block, blocks_of, context_lines
from modechat.tui.render.code import CodeLeaf
from modechat.tui.render.inline import inline_pieces
from modechat.tui.render.leaves import Leaf, TextLeaf
from modechat.tui.render.parser import parser_for
from modechat.tui.render.rows import Piece, strip_start
from modechat.tui.render.source_lines import inside, is_blank, prefix_of
from modechat.tui.render.table import TableLeaf

LONG_PARAGRAPH = 3000
"""Characters; only the end of a longer paragraph is parsed again."""
SHORTEST_CUT = 1000
MARK = "x "
"""A prefix of text that continues a paragraph, so that the text cannot begin a block."""
_KEPT_OF_PARAGRAPH = 600
_LONG_CODE = 2000
_FENCE_END = re.compile(r"\s*(`+|~+)\s*")


@dataclass(slots=True)
class OpenEnd:
    """The end of the text that is still open, and the state before it."""

    context: list[str] = field(default_factory=list)
    """Lines that open the containers, and the fence or the head of the table that goes on."""
    text: str = ""
    before: Before = field(default_factory=Before)
    growing: Leaf | None = None
    """The leaf that goes on, if the text begins inside a block."""
    growing_line: int = 0
    """The line in which the block of that leaf begins, counted from the start of the context."""
    joint: str = ""
    """The space or line break between the growing paragraph and the text."""

    @property
    def source(self) -> str:
        return "".join(f"{line}\n" for line in self.context) + self.text

    def continued(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Return the pieces of the growing paragraph that follow its final part."""
        following = strip_start(pieces, len(MARK))
        if following and self.joint:
            return [(self.joint, ()), *following]
        return following


def code_lines(block: Block) -> tuple[list[str], str]:
    """Return the whole lines of a code block, and the line that is being written.

    The latter is empty if it could be the end of the fence.
    """
    *whole, partial = block.content.split("\n")
    if block.is_fenced and _FENCE_END.fullmatch(partial):
        partial = ""
    return whole, partial


def cut_block(
    now: OpenEnd, block: Block, leaf: Leaf, lines: list[str], n_whole: int
) -> OpenEnd | None:
    """Give the final part of the last block to `leaf`.

    Return the rest, which stays open; None if no part of the block is final. `lines` are the lines
    of the source of `now`; the first `n_whole` are whole.
    """
    if isinstance(leaf, CodeLeaf) and block.is_fenced:
        whole, partial = code_lines(block)
        leaf.grow(whole)
        leaf.show((), partial)
        return _going_on(now, block, leaf, lines, n_opening=1, n_final=len(whole))
    if isinstance(leaf, CodeLeaf) and len(block.content) > _LONG_CODE:
        return _cut_indented(now, block, leaf, lines)
    if isinstance(leaf, TableLeaf) and n_whole >= block.line + 2:
        n_rows = min(len(block.rows), n_whole - block.line - 2)
        leaf.grow(block.rows[:n_rows])
        leaf.show(block.rows[n_rows:])
        return _going_on(now, block, leaf, lines, n_opening=2, n_final=n_rows)
    if isinstance(leaf, TextLeaf) and not block.level and len(block.content) > LONG_PARAGRAPH:
        return _cut_paragraph(now, block, leaf, lines)
    return None


def _cut_indented(now: OpenEnd, block: Block, leaf: CodeLeaf, lines: list[str]) -> OpenEnd | None:
    """Cut before the last line with code: blank lines belong to the code only if it goes on."""
    whole, partial = code_lines(block)
    n_final = len(whole) - 1
    while n_final > 0 and is_blank(whole[n_final]):
        n_final -= 1
    if n_final <= 0:
        return None
    leaf.grow(whole[:n_final])
    leaf.show(whole[n_final:], partial)
    return _going_on(now, block, leaf, lines, n_opening=0, n_final=n_final)


def _going_on(
    now: OpenEnd, block: Block, leaf: Leaf, lines: list[str], *, n_opening: int, n_final: int
) -> OpenEnd:
    """Return the lines that open a block and its open lines, without its final lines."""
    if leaf is now.growing:
        context = now.context
    else:
        opening = lines[block.line : block.line + n_opening]
        if isinstance(leaf, CodeLeaf):
            # A fence with bars, before a line of dashes, would be read as the head of a table.
            opening = [line.replace("|", " ") for line in opening]
        context = context_lines(lines, block.containers, block.line) + opening
    rest = "\n".join(lines[block.line + n_opening + n_final :])
    return OpenEnd(context, rest, growing=leaf, growing_line=len(context) - n_opening)


def _cut_paragraph(now: OpenEnd, block: Block, leaf: TextLeaf, lines: list[str]) -> OpenEnd | None:
    content = block.content
    cut, joint = _place_to_cut(content)
    rest = _rest_of_paragraph(block, lines, cut, joint)
    context = context_lines(lines, block.containers, block.line + 1)
    if rest is None or sum(map(len, context)) > SHORTEST_CUT:
        return None
    if context:
        opening = context[-2]
        rest = f"{inside(prefix_of(opening))} {rest}"
    opened = OpenEnd(context, rest, growing=leaf, growing_line=len(context), joint=joint)
    going_on = _first_block(opened)
    if going_on is None or going_on.kind != "text":
        return None
    head = inline_pieces(parser_for(content).parseInline(content[:cut])[0].children or ())
    if leaf is now.growing:
        head = now.continued(head)
    leaf.grow(head)
    leaf.show(opened.continued(going_on.pieces))
    return opened


def _place_to_cut(content: str) -> tuple[int, str]:
    """Return where to cut a paragraph, and the space or line break that joins the parts."""
    end = len(content) - _KEPT_OF_PARAGRAPH
    cut = max(content.rfind("\n", 0, end), content.rfind(" ", 0, end))
    if cut >= SHORTEST_CUT:
        return cut, content[cut]
    return end, ""


def _rest_of_paragraph(block: Block, lines: list[str], cut: int, joint: str) -> str | None:
    """Return the source of the paragraph after the cut; None if the cut is not found in it."""
    content = block.content
    at = block.line + content.count("\n", 0, cut)
    within = cut + len(joint) - (content.rfind("\n", 0, cut) + 1)
    if joint == "\n":
        at += 1
        within = 0
    shown = content.split("\n")[at - block.line]
    start = lines[at].find(shown.rstrip())
    if start < 0:
        return None
    return "\n".join((MARK + lines[at][start + within :], *lines[at + 1 :]))


def _first_block(opened: OpenEnd) -> Block | None:
    """Return the first block after the context."""
    n_context = len(opened.context)
    for block in blocks_of(opened.source, opened.before, n_context):
        if block.line >= n_context:
            return block
    return None
