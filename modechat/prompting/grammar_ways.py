"""How many ways a grammar in GBNF leaves open at once, which llama.cpp follows all, and whether one of them never ends.

A rule may begin with itself behind something that may be empty, as in `a ::= "x"? a "y"`: llama.cpp does not see that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

MOST_WAYS = 20_000
MOST_SKIPPED = 60
"""So many that may be empty, one behind the other: what llama.cpp does for them grows with their cube."""

TERMINAL = ""
"""The name of whatever is a character."""


@dataclass
class _Symbol:
    """A rule, or a character, so often at most, and perhaps not at all."""

    name: str
    times: int = 1
    is_optional: bool = False


@dataclass
class Rules:
    """Filled token by token; parentheses are rules without a name."""

    _alternatives: dict[str, list[list[_Symbol]]] = field(
        default_factory=lambda: defaultdict(lambda: [[]])
    )
    _open: list[str] = field(default_factory=list)
    _n_groups: int = 0

    def begin(self, name: str) -> None:
        self._open = [name]
        self._alternatives[name] = [[]]

    def add(self, name: str) -> None:
        if self._open:
            self._alternatives[self._open[-1]][-1].append(_Symbol(name))

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
        """What was added last."""
        if self._open and (alternative := self._alternatives[self._open[-1]][-1]):
            alternative[-1].times = max(most, 1)
            alternative[-1].is_optional = alternative[-1].is_optional or least == 0

    def trouble(self) -> str:
        """Why llama.cpp would not come to an end, as a sentence; empty: it would."""
        empty = self._may_be_empty()
        begins = {
            name: {
                symbol.name for alternative in alternatives for symbol in _first(alternative, empty)
            }
            - {TERMINAL}
            for name, alternatives in self._alternatives.items()
        }
        ways, skipped = {TERMINAL: 1}, {TERMINAL: 1}
        try:
            for name in TopologicalSorter(begins).static_order():
                ways[name] = sum(self._ways(name, ways, empty))
                skipped[name] = self._skipped(name, skipped, empty)
        except CycleError:
            return "A rule may begin with itself: that never ends."
        if max(skipped.values()) > MOST_SKIPPED:
            return f"More than {MOST_SKIPPED} things that may be empty stand behind each other."
        if max(ways.values()) > MOST_WAYS:
            return "It leaves too many ways open at once: the same text fits it in many ways."
        return ""

    def _ways(self, name: str, ways: Mapping[str, int], empty: set[str]) -> list[int]:
        """The ways at the beginning of each alternative, by those of what it can begin with."""
        return [
            sum(
                ways[symbol.name] * (symbol.times if symbol.name in empty else 1)
                for symbol in _first(alternative, empty)
            )
            for alternative in self._alternatives.get(name, [])
        ]

    def _skipped(self, name: str, skipped: Mapping[str, int], empty: set[str]) -> int:
        """How many stand behind each other.

        A rule at the end of another takes its place, as with the optional properties of a schema: they do not add up.
        """
        most = 0
        for alternative in self._alternatives.get(name, []):
            counts = [
                skipped[symbol.name] * (symbol.times if symbol.name in empty else 1)
                for symbol in _first(alternative, empty)
            ]
            if len(counts) == len(alternative) and counts and alternative[-1].times == 1:
                most = max(most, counts.pop())
            most = max(most, sum(counts))
        return most

    def _may_be_empty(self) -> set[str]:
        """The rules that may be: those with an alternative of nothing but such."""
        waits: dict[str, list[tuple[str, list[str]]]] = defaultdict(list)
        """By the rule that must be known to be so first: an alternative's rule, and what else it needs."""
        empty: set[str] = set()
        ready = [
            (name, [symbol.name for symbol in alternative if not symbol.is_optional])
            for name, alternatives in self._alternatives.items()
            for alternative in alternatives
        ]
        while ready:
            name, needs = ready.pop()
            while needs and needs[-1] in empty:
                needs.pop()
            if needs:
                waits[needs[-1]].append((name, needs))
            elif name not in empty:
                empty.add(name)
                ready += waits.pop(name, [])
        return empty


def _first(alternative: Iterable[_Symbol], empty: set[str]) -> Iterable[_Symbol]:
    """What an alternative can begin with."""
    for symbol in alternative:
        yield symbol
        if not symbol.is_optional and symbol.name not in empty:
            return
