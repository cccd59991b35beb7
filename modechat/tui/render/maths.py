"""Recognises LaTeX formulas in paragraphs. They are not Markdown, and are shown as written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mdit_py_plugins.dollarmath.index import math_inline_dollar

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline

_BRACKETS = {"\\(": "\\)", "\\[": "\\]"}
_dollars = math_inline_dollar(allow_space=False, allow_digits=False, allow_double=True)


def add_maths(parser: MarkdownIt) -> None:
    """Make `parser` produce tokens of the type `maths` from formulas."""
    parser.inline.ruler.before("escape", "dollar_maths", _between_dollars)
    parser.inline.ruler.before("escape", "bracket_maths", _between_brackets)


def _between_dollars(state: StateInline, silent: bool) -> bool:
    """Match `$x$` or `$$x$$`, as a rule of the parser.

    A formula has no space at its edges, no letter or digit beside it (US$5), and no code inside.
    """
    start = state.pos
    if state.src[start] != "$" or not _dollars(state, True):
        return False
    end, state.pos = state.pos, start
    if "`" in state.src[start:end]:
        return False
    if _is_of_word(state.src[start - 1 : start]) or _is_of_word(state.src[end : end + 1]):
        return False
    return _push(state, end, silent)


def _is_of_word(character: str) -> bool:
    return character.isalnum() and character.isascii()


def _between_brackets(state: StateInline, silent: bool) -> bool:
    """Match `\\(x\\)` or `\\[x\\]`, as a rule of the parser."""
    start = state.pos
    closing = _BRACKETS.get(state.src[start : start + 2])
    if closing is None:
        return False
    end = state.src.find(closing, start + 2, state.posMax)
    if end < 0:
        return False
    return _push(state, end + 2, silent)


def _push(state: StateInline, end: int, silent: bool) -> bool:
    if not silent:
        state.push("maths", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True
