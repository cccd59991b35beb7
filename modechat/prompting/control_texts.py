"""Finds the texts of a vocabulary's control tokens in other texts."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

MIN_LENGTH = 2
"""Characters of a control text, at least: a single character cannot be broken in two."""
_CACHED = 512  # texts


class ControlTexts:
    """Finds control texts. Vocabularies have thousands of them, but of few lengths."""

    def __init__(self, texts: Collection[str]) -> None:
        self._texts = frozenset([text for text in texts if len(text) >= MIN_LENGTH])
        self.longest = max(map(len, self._texts), default=0)
        lengths: dict[str, set[int]] = {}
        ends: set[str] = set()
        backwards: list[str] = []
        self._firsts: set[str] = set()
        self._lasts: set[str] = set()
        for text in self._texts:
            lengths.setdefault(text[:MIN_LENGTH], set()).add(len(text))
            ends.add(text[-MIN_LENGTH:])
            backwards.append(text[::-1])
            self._firsts.add(text[0])
            self._lasts.add(text[-1])
        self._lengths = {begin: sorted(found, reverse=True) for begin, found in lengths.items()}
        """The lengths of the texts with each beginning, the longest first."""
        self._begin = re.compile(_any_begin(lengths))
        self._end = re.compile(_any_end(ends))
        self._sorted = sorted(self._texts)
        self._sorted_backwards = sorted(backwards)
        # Results are cached: the texts of a chat come again with every turn.
        self.find = lru_cache(maxsize=_CACHED)(self._find)
        """Returns the places where control texts begin in a text, each with the longest one
        there.
        """
        self.may_join = lru_cache(maxsize=_CACHED)(self._may_join)
        """Returns True if a text could make a control text with its neighbours in a prompt."""

    def _find(self, text: str) -> tuple[tuple[int, str], ...]:
        if not self._texts:
            return ()
        found = []
        for match in self._begin.finditer(text):
            at = match.start()
            for length in self._lengths[text[at : at + MIN_LENGTH]]:
                control = text[at : at + length]
                if control in self._texts:
                    found.append((at, control))
                    break
        return tuple(found)

    def _may_join(self, text: str) -> bool:
        core = text.strip()
        if not core or not self._texts:
            return False
        if core[-1] in self._firsts or core[0] in self._lasts:
            return True
        if self._may_begin_one(core) or self._may_end_one(core):
            return True
        return len(core) < self.longest and any(core in control for control in self._texts)

    def _may_begin_one(self, core: str) -> bool:
        """Return True if the end of the text is the beginning of a control text."""
        if not self._begin.search(core, max(0, len(core) - self.longest)):
            return False
        tail = core[-self.longest :]
        for found in self._begin.finditer(tail):
            if _has_beginning(self._sorted, tail[found.start() :]):
                return True
        return False

    def _may_end_one(self, core: str) -> bool:
        """Return True if the beginning of the text is the end of a control text."""
        if not self._end.search(core, 0, self.longest):
            return False
        head = core[: self.longest][::-1]
        return any(_has_beginning(self._sorted_backwards, head[at:]) for at in range(len(head)))


def _any_begin(begins: Iterable[str]) -> str:
    """Return a pattern for the first character of any of these pairs, if the second one follows.

    Code is full of such first characters. Without pairs the pattern never matches.
    """
    seconds: dict[str, str] = {}
    for begin in sorted(begins):
        seconds[begin[0]] = seconds.get(begin[0], "") + begin[1]
    patterns: list[str] = []
    for first, after in seconds.items():
        patterns.append(f"{re.escape(first)}(?=[{re.escape(after)}])")
    return "|".join(patterns) or "(?!)"


def _any_end(ends: Iterable[str]) -> str:
    """Return a pattern for the last character of any of these pairs, if it follows the first
    one.
    """
    firsts: dict[str, str] = {}
    for end in sorted(ends):
        firsts[end[1]] = firsts.get(end[1], "") + end[0]
    patterns: list[str] = []
    for last, before in firsts.items():
        patterns.append(f"{re.escape(last)}(?<=[{re.escape(before)}].)")
    return "|".join(patterns) or "(?!)"


def _has_beginning(texts: Sequence[str], beginning: str) -> bool:
    """Return True if one of the sorted `texts` has this beginning."""
    at = bisect_left(texts, beginning)
    return at < len(texts) and texts[at].startswith(beginning)
