"""A list to choose one thing from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from modechat.domain.text import sanitize_line
from modechat.tui.screens.list_dialog import ListDialog, matches
from modechat.tui.widgets.row_list import Column


@dataclass(frozen=True, slots=True)
class Choice:
    """A row: a name, what it is, and a line or several about it."""

    name: str
    title: str = ""
    detail: str = ""
    is_current: bool = False


class PickerScreen(ListDialog[int, tuple[int, Choice]]):
    """Returns the index of what was chosen, or None."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only what has these words"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Choose"),
    )

    def __init__(
        self, title: str, choices: Sequence[Choice], nothing: str = "There are none."
    ) -> None:
        longest = max((len(choice.name) for choice in choices), default=0)
        super().__init__(
            (
                Column(
                    "",
                    lambda row: Content.styled("●" if row[1].is_current else " ", "$text-success"),
                    width=1,
                ),
                Column(
                    "Name",
                    lambda row: Content(sanitize_line(row[1].name)),
                    width=min(max(longest, 8), 26),
                ),
                Column("", lambda row: Content.styled(sanitize_line(row[1].title), "dim")),
            )
        )
        self._choices = tuple(enumerate(choices))
        self._nothing = nothing
        self._about = Static(classes="about")
        self.show_heading(title)

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        super().on_mount()
        self.show_hints("Enter chooses", "Esc closes", "type to filter", "F1 help")
        self.filtered("")

    def filtered(self, text: str) -> None:
        rows = [
            row for row in self._choices if matches(text, row[1].name, row[1].title, row[1].detail)
        ]
        current = next((at for at, (_, choice) in enumerate(rows) if choice.is_current), 0)
        self.list.show(rows, 0 if text else current)
        self.say("" if rows else "Nothing has these words." if self._choices else self._nothing)

    def highlighted(self, row: tuple[int, Choice] | None) -> None:
        lines = row[1].detail.splitlines() if row is not None else []
        self._about.update(Content("\n".join(sanitize_line(line) for line in lines)))

    def chosen(self, row: tuple[int, Choice]) -> None:
        self.dismiss(row[0])
