"""What the text area asks those who help at the prompt, at once and in the order of the keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Helpers(Protocol):
    """Called by the text area while it handles a key or a change."""

    def touched(self) -> None:
        """A key was pressed, or something is pasted: before that does anything."""

    def take_key(self, key: str) -> bool:
        """Whether the key was for a list that is open."""

    def recall_older(self) -> bool:
        """Show what was sent before; whether something was shown."""

    def recall_newer(self) -> bool:
        """Show what was sent after that; whether something was shown."""

    def text_changed(self) -> None:
        """The text changed."""

    def marks_in(self, row: int) -> Sequence[tuple[int, int, str]]:
        """The ranges of a line that are coloured, each with its name for the style sheet."""
