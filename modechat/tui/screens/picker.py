"""A dialog to choose one of several things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from modechat.domain.text import sanitize_line
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.list_dialog import ListDialog, current_mark, matches
from modechat.tui.widgets.row_list import Column

_LEAST_NAME_WIDTH = 8  # cells
_MOST_NAME_WIDTH = 26


@dataclass(frozen=True, slots=True)
class Choice:
    """A row: a name, a short description, and one or more lines about it."""

    name: str
    title: str = ""
    detail: str = ""
    is_current: bool = False


Row: TypeAlias = tuple[int, Choice]
"""A choice with its index."""


class PickerScreen(ListDialog[int, Row]):
    """Returns the index of the choice, or None."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only what has these words"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Choose"),
    )

    def __init__(
        self, title: str, choices: Sequence[Choice], nothing: str = "There are none."
    ) -> None:
        """List `choices`. `nothing` is shown if there are none."""
        longest = max((len(choice.name) for choice in choices), default=0)
        name_width = min(max(longest, _LEAST_NAME_WIDTH), _MOST_NAME_WIDTH)
        super().__init__(
            (
                Column("", _mark, width=1),
                Column("Name", _name, width=name_width),
                Column("", _title),
            )
        )
        self._rows = tuple(enumerate(choices))
        self._nothing = nothing
        self._about = Static(classes="about")
        self.show_heading(title)

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        self.show_hints("Enter chooses", "Esc closes", "type to filter", HELP)
        self.filtered("")

    def filtered(self, text: str) -> None:
        found: list[Row] = []
        current = 0
        for row in self._rows:
            choice = row[1]
            if matches(text, choice.name, choice.title, choice.detail):
                if choice.is_current:
                    current = len(found)
                found.append(row)
        self.list.show(found, 0 if text else current)
        if found:
            self.say("")
        elif self._rows:
            self.say("Nothing has these words.")
        else:
            self.say(self._nothing)

    def highlighted(self, row: Row | None) -> None:
        if row is None:
            self._about.update(Content(""))
            return
        lines = [sanitize_line(line) for line in row[1].detail.splitlines()]
        self._about.update(Content("\n".join(lines)))

    def chosen(self, row: Row) -> None:
        self.dismiss(row[0])


def _mark(row: Row) -> Content:
    return current_mark(row[1].is_current)


def _name(row: Row) -> Content:
    return Content(sanitize_line(row[1].name))


def _title(row: Row) -> Content:
    return Content.styled(sanitize_line(row[1].title), "dim")
