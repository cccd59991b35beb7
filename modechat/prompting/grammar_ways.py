"""Counts the ways that a grammar in GBNF leaves open at once, and finds endless ones.

llama.cpp follows all ways at once.

A rule may begin with itself after something that may be empty, as in `a ::= "x"? a "y"`: llama.cpp
does not notice that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

LEFT_RECURSION = "A rule may begin with itself: that never ends."
_MOST_WAYS = 20_000
_MOST_SKIPPED = 60
"""Things in a row that may be empty: llama.cpp's work for n of them grows with n³."""

TERMINAL = ""
"""The name that stands for characters."""


@dataclass
class _Symbol:
    """A rule or characters in a sequence: its most repetitions, and whether it may be missing."""

    name: str
    times: int = 1
    is_optional: bool = False


@dataclass
class Rules:
    """A `GrammarReader` that keeps the rules; a group in parentheses becomes a rule of its own."""

    _alternatives: dict[str, list[list[_Symbol]]] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)
    _n_groups: int = 0

    def begin(self, name: str) -> None:
        self._open = [name]
        self._alternatives[name] = [[]]

    def add(self, name: str) -> None:
        if self._open:
            self._alternatives[self._open[-1]][-1].append(_Symbol(name))

    def add_empty(self) -> None:
        """Ignore an empty text, which changes nothing."""

    def open_group(self) -> None:
        if self._open:
            self._n_groups += 1
            name = f"({self._n_groups}"
            self.add(name)
            self._alternatives[name] = [[]]
            self._open.append(name)

    def close_group(self) -> None:
        if len(self._open) > 1:
            self._open.pop()

    def end_alternative(self) -> None:
        if self._open:
            self._alternatives[self._open[-1]].append([])

    def repeat(self, least: int, most: int) -> None:
        if self._open and (alternative := self._alternatives[self._open[-1]][-1]):
            alternative[-1].times = max(most, 1)
            alternative[-1].is_optional = alternative[-1].is_optional or least == 0

    def repeat_without_end(self, least: int) -> None:
        self.repeat(least, max(least, 1) + 1)  # a part that may be empty follows itself

    def trouble(self) -> str:
        """Return a sentence that says why llama.cpp would not come to an end; empty if it would."""
        empty = self._may_be_empty()
        ways, skipped = {TERMINAL: 1}, {TERMINAL: 1}
        try:
            for name in TopologicalSorter(self._beginnings(empty)).static_order():
                ways[name] = self._ways(name, ways, empty)
                skipped[name] = self._skipped(name, skipped, empty)
        except CycleError:
            return LEFT_RECURSION
        if max(skipped.values()) > _MOST_SKIPPED:
            return f"More than {_MOST_SKIPPED} things that may be empty stand behind each other."
        if max(ways.values()) > _MOST_WAYS:
            return "It leaves too many ways open at once: the same text fits it in many ways."
        return ""

    def _beginnings(self, empty: set[str]) -> dict[str, set[str]]:
        """Return the rules that each rule can begin with."""
        begins = {}
        for name, alternatives in self._alternatives.items():
            names = begins[name] = set[str]()
            for alternative in alternatives:
                names.update(symbol.name for symbol in _first(alternative, empty))
            names.discard(TERMINAL)
        return begins

    def _ways(self, name: str, ways: Mapping[str, int], empty: set[str]) -> int:
        """Return the number of ways at the beginning of a rule.

        `ways` has the numbers of the rules that it can begin with.
        """
        count = 0
        for alternative in self._alternatives.get(name, []):
            count += sum(_times_first(alternative, ways, empty))
        return count

    def _skipped(self, name: str, skipped: Mapping[str, int], empty: set[str]) -> int:
        """Return how many things in a row may be empty at the beginning of a rule.

        A rule at the end of another one takes its place, so the two do not add up. Optional
        properties of a schema make such rules.
        """
        most = 0
        for alternative in self._alternatives.get(name, []):
            counts = _times_first(alternative, skipped, empty)
            if len(counts) == len(alternative) and counts and alternative[-1].times == 1:
                most = max(most, counts.pop())
            most = max(most, sum(counts))
        return most

    def _may_be_empty(self) -> set[str]:
        """Return the rules that may be empty: all parts of one of their alternatives may be."""
        waiting: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        """By a rule that would have to be empty: the rules that need it, each with its other
        needs.
        """
        empty: set[str] = set()
        ready = []
        for name, alternatives in self._alternatives.items():
            for alternative in alternatives:
                ready.append((name, [one.name for one in alternative if not one.is_optional]))
        while ready:
            name, needs = ready.pop()
            while needs and needs[-1] in empty:
                needs.pop()
            if needs:
                waiting[needs[-1]].append((name, needs))
            elif name not in empty:
                empty.add(name)
                ready += waiting.pop(name, [])
        return empty


def _times_first(
    alternative: list[_Symbol], counts: Mapping[str, int], empty: set[str]
) -> list[int]:
    """Return the count of each part that an alternative can begin with.

    A part that may be empty counts as often as it repeats.
    """
    found = []
    for symbol in _first(alternative, empty):
        times = symbol.times if symbol.name in empty else 1
        found.append(counts[symbol.name] * times)
    return found


def _first(alternative: Iterable[_Symbol], empty: set[str]) -> Iterable[_Symbol]:
    """Yield the parts that an alternative can begin with."""
    for symbol in alternative:
        yield symbol
        if not symbol.is_optional and symbol.name not in empty:
            return
