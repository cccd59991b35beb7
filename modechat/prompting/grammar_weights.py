"""Counts how often a grammar repeats something that may be empty.

llama.cpp follows all ways through such repetitions at once.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class _Item:
    """An item of a sequence.

    `weight` is how often, at most, it repeats something that may be empty.
    """

    weight: int = 1
    may_be_empty: bool = False


@dataclass
class _Group:
    """A rule, or a group in parentheses."""

    weight: int = 1
    may_be_empty: bool = False
    """True if one of the alternatives before may be empty."""
    alternative_may_be_empty: bool = True
    last: _Item | None = None

    def add(self, item: _Item | None) -> None:
        """Add an item; the one before it is complete now."""
        if self.last is not None:
            self.weight = max(self.weight, self.last.weight)
            self.alternative_may_be_empty = self.alternative_may_be_empty and self.last.may_be_empty
        self.last = item

    def end_alternative(self) -> None:
        self.add(None)
        self.may_be_empty = self.may_be_empty or self.alternative_may_be_empty
        self.alternative_may_be_empty = True


class Weights:
    """A `GrammarReader` that weighs nested repetitions."""

    def __init__(self) -> None:
        self._groups = [_Group()]
        self.n_alternatives = 0
        self.n_groups = 0

    @property
    def last(self) -> int:
        """The weight of what was added last."""
        item = self._groups[-1].last
        return 0 if item is None else item.weight

    def begin(self, name: str) -> None:  # noqa: ARG002
        self._groups = [_Group()]

    def add(self, name: str) -> None:  # noqa: ARG002
        self._groups[-1].add(_Item())

    def add_empty(self) -> None:
        self._groups[-1].add(_Item(may_be_empty=True))

    def open_group(self) -> None:
        self._groups.append(_Group())
        self.n_groups += 1

    def close_group(self) -> None:
        if len(self._groups) > 1:
            group = self._groups.pop()
            group.end_alternative()
            self._groups[-1].add(_Item(group.weight, group.may_be_empty))

    def end_alternative(self) -> None:
        self._groups[-1].end_alternative()
        self.n_alternatives += 1

    def repeat(self, least: int, most: int) -> None:
        item = self._groups[-1].last
        if item is None:
            return
        if item.may_be_empty:
            item.weight *= most
        item.may_be_empty = item.may_be_empty or least == 0

    def repeat_without_end(self, least: int) -> None:
        self.repeat(least, max(least, 1))
