"""Decides where emphasis begins and ends.

This is CommonMark's rule with two corrections. In Chinese, Japanese and Korean, text stands
directly beside punctuation, so punctuation does not mark the edge of a word; the characters beside
it decide, by the rule of https://github.com/tats-u/markdown-cjk-friendly. And a marker inside a
word begins no emphasis if the word has no other marker: `x**2 + y**2` has no bold text.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token
    from markdown_it.utils import EnvType

_LONGEST_WORD = 100
_HANGUL = (("\u1100", "\u11ff"), ("\ua960", "\ua97f"), ("\uac00", "\ud7ff"))


class FlankingState(StateInline):
    """Markdown-it's state with the rule of this module."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803
        scanned = super().scanDelims(start, canSplitWord)
        end = start + scanned.length
        last = self.src[start - 1] if start > 0 else " "
        following = self.src[end] if end < self.posMax else " "
        if _is_cjk(last) or _is_cjk(following):
            return _scanned_cjk(last, following, scanned.length, can_split_word=canSplitWord)
        if (
            scanned.can_open
            and last.isalnum()
            and following.isalnum()
            and not self._has_pair(start, end)
        ):
            return Scanned(False, scanned.can_close, scanned.length)
        return scanned

    def _has_pair(self, start: int, end: int) -> bool:
        """Return True if the markers inside a word occur again in the same word."""
        markers = self.src[start:end]
        if len(markers) > 1 and (self.src[start - 1].isdecimal() or self.src[end].isdecimal()):
            return False  # a power
        rest = self.src[end : end + _LONGEST_WORD].split(maxsplit=1)[0]
        return markers[0] in rest


def _scanned_cjk(last: str, following: str, length: int, *, can_split_word: bool) -> Scanned:
    """Scan a run of markers beside a Chinese, Japanese or Korean character."""
    last_is_punctuation, next_is_punctuation = _is_punctuation(last), _is_punctuation(following)
    last_is_edge = isWhiteSpace(ord(last)) or last_is_punctuation or _is_cjk(last)
    next_is_edge = isWhiteSpace(ord(following)) or next_is_punctuation or _is_cjk(following)
    next_parts = next_is_punctuation and not _is_cjk(following)
    last_parts = last_is_punctuation and not _is_cjk(last)
    opens = not isWhiteSpace(ord(following)) and (not next_parts or last_is_edge)
    closes = not isWhiteSpace(ord(last)) and (not last_parts or next_is_edge)
    if can_split_word:
        return Scanned(opens, closes, length)
    may_open = not closes or last_is_punctuation or next_is_punctuation
    may_close = not opens or next_is_punctuation or last_is_punctuation
    return Scanned(opens and may_open, closes and may_close, length)


def _is_punctuation(character: str) -> bool:
    return isMdAsciiPunct(ord(character)) or isPunctChar(character)


def _is_cjk(character: str) -> bool:
    """Return True for a letter or a mark of Chinese, Japanese or Korean."""
    if character < "\u1100":
        return False
    if any(first <= character <= last for first, last in _HANGUL):
        return True
    is_wide = unicodedata.east_asian_width(character) in ("W", "F", "H")
    # Wide characters of these categories are emoji.
    return is_wide and unicodedata.category(character) not in ("So", "Sk", "Cn")


class FlankingInline(ParserInline):
    """Markdown-it's parser of paragraphs with the state of this module."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = FlankingState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens
