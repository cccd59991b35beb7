"""Finds a reply that does nothing but repeat itself, unless a grammar wants it so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from modechat.domain.repetition import Repetition, RepetitionGuard


class HasChoice(Protocol):
    def __call__(self, *, blank: bool) -> bool:
        """Return True if the reply could go on in different ways; white space counts only if
        `blank`.
        """


class NoLoopWatch:
    """A watch for replies that may repeat themselves."""

    surplus = ""

    def feed(self, text: str) -> bool:  # noqa: ARG002
        return False


class RepetitionWatch:
    """Watches one reply. `given` are the texts of the user, which the reply may copy."""

    def __init__(self, given: Iterable[str], has_choice: HasChoice) -> None:
        self._guard = RepetitionGuard(given)
        self._has_choice = has_choice
        self._repetition: Repetition | None = None
        self.surplus = ""
        """The end of the reply that only repeats what is kept; empty if there is none."""

    def feed(self, text: str) -> bool:
        """Add text of the reply; return True if the reply should end with it."""
        repetition = self._look(text)
        if repetition is None:
            return False
        if self._has_choice(blank=repetition.unit.isspace()):
            return True
        n_since = len(self.surplus) - len(repetition.surplus)
        if n_since >= len(repetition.unit):  # the grammar wanted all of it
            self._guard.reset()
            self._repetition, self.surplus = None, ""
        return False

    def _look(self, text: str) -> Repetition | None:
        """Return the repetition at the end of the reply, if there is one."""
        if self._repetition is not None:
            self.surplus += text
            return self._repetition
        self._repetition = self._guard.feed(text)
        if self._repetition is not None:
            self.surplus = self._repetition.surplus
        return self._repetition
