"""The interface between the text area and its helpers at the prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol


class Helpers(Protocol):
    """The helpers that the text area calls when it handles a key or a change."""

    @property
    def touched(self) -> Callable[[], object]:
        """Called when something is pasted, before the paste has an effect."""

    def offer_key(self, key: str) -> bool:
        """Pass the key to an open list. Return True if the list used it."""

    def recall_older(self) -> bool:
        """Show the message that was sent before. Return True if there is one."""

    def recall_newer(self) -> bool:
        """Show the message that was sent after that. Return True if there is one."""

    def text_changed(self) -> None:
        """Handle a change of the text or the cursor."""

    def marks_in(self, row: int) -> Sequence[tuple[int, int, str]]:
        """Return the coloured ranges of a line, each with its name for the stylesheet."""
