"""The interface between the text area and what helps at the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Helpers(Protocol):
    """The text area calls it while it handles a key or a change."""

    @property
    def touched(self) -> Callable[[], object]:
        """Called when something is pasted, before that does anything."""

    def offer_key(self, key: str) -> bool:
        """Give the key to a list that is open. Return True if the key was for it."""

    def recall_older(self) -> bool:
        """Show what was sent before. Return True if something was shown."""

    def recall_newer(self) -> bool:
        """Show what was sent after that. Return True if something was shown."""

    def text_changed(self) -> None:
        """Called after every change of the text or the cursor."""

    def marks_in(self, row: int) -> Sequence[tuple[int, int, str]]:
        """Return the ranges of a line that are coloured, each with its name for the style sheet."""
