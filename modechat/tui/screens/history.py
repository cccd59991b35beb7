"""The list of sent messages, searched by words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.content import Content

from modechat.domain.counted import counted
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.list_dialog import ListDialog, matches
from modechat.tui.widgets.row_list import Column

_MOST = 200
_SEARCHED_CHARACTERS = 20_000
_SHOWN_CHARACTERS = 300


class HistoryScreen(ListDialog[Typed, Typed]):
    """Returns the chosen message, or None."""

    HEADING = "Sent before"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only what has these words"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Put it at the prompt"),
    )

    def __init__(self, entries: Sequence[Typed]) -> None:
        """List `entries`, newest first. A text that was sent several times is shown once."""
        super().__init__((Column("", _line),), "Words of what was sent", has_header=False)
        newest: dict[str, Typed] = {}
        for entry in entries:
            newest.setdefault(entry.text, entry)
        self._entries = tuple(newest.values())

    def on_mount(self) -> None:
        self.show_hints("Enter takes it", "Esc closes", "type to search", HELP)
        self.filtered("")

    def filtered(self, text: str) -> None:
        found = matching(self._entries, text)
        self.list.show(found, 0)
        self.say("" if found else "Nothing has these words.")

    def chosen(self, row: Typed) -> None:
        self.dismiss(row)


def matching(entries: Sequence[Typed], words: str) -> list[Typed]:
    """Return the first entries that have all of the words, in any case; 200 at most."""
    found: list[Typed] = []
    for entry in entries:
        if matches(words, entry.text[:_SEARCHED_CHARACTERS]):
            found.append(entry)
            if len(found) == _MOST:
                break
    return found


def _line(entry: Typed) -> Content:
    line = sanitize_line(entry.text[:_SHOWN_CHARACTERS])
    count = entry.text.count("\n") + 1
    if count > 1:
        line += f"  ({counted(count, 'line')})"
    return Content(line)
