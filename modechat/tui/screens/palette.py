"""The command palette: actions and named tasks with their keys, searched by words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from modechat.commands.actions import Action, slash_usage
from modechat.commands.finding import in_palette, rank, rank_of_action
from modechat.commands.keymap import Keymap
from modechat.domain.text import sanitize_line
from modechat.prompting.tasks import NamedTask
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.list_dialog import ListDialog
from modechat.tui.widgets.row_list import Column

Command: TypeAlias = Action | NamedTask

_KEYS_WIDTH = 14  # cells
_LABEL_WIDTH = 28
"""Cells of a label before its help text. The names of some tasks are longer."""
_WIDTH_FOR_HELP = 56
"""Least cells of a row with a help text. The line below the list shows it in any case."""


@dataclass(frozen=True, slots=True)
class _Row:
    command: Command
    label: str
    help: str
    keys: str
    """The first key; if there is none, the slash command."""
    about: str
    """The text below the list while the row is highlighted."""

    def rank(self, words: str) -> int | None:
        """Return how well the row fits `words` (less is better); None if it does not."""
        if isinstance(self.command, Action):
            return rank_of_action(words, self.command, self.label)
        return rank(words, self.label, self.help)


class PaletteScreen(ListDialog[Command, _Row]):
    """Returns the chosen action or task, or None."""

    HEADING = "Commands"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only what has these words, or synonyms of them"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Do it"),
    )

    def __init__(
        self, keymap: Keymap, label_of: Callable[[Action], str], tasks: Sequence[NamedTask]
    ) -> None:
        """List the actions and `tasks`. `label_of` returns the current label of an action."""
        super().__init__(
            (
                Column("", _label_and_help, needs=_WIDTH_FOR_HELP),
                Column("", _label, until=_WIDTH_FOR_HELP),
                Column("", _keys, width=_KEYS_WIDTH, at_right=True),
            ),
            "Type to find",
            has_header=False,
        )
        self._rows = [_row_of_action(action, label_of(action), keymap) for action in in_palette()]
        self._rows += map(_row_of_task, tasks)
        self._about = Static(classes="about")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        self.show_hints("Enter does it", "Esc closes", "type to find", HELP)
        self.filtered("")

    def filtered(self, text: str) -> None:
        ranked: list[tuple[int, _Row]] = []
        for row in self._rows:
            if (found := row.rank(text)) is not None:
                ranked.append((found, row))
        ranked.sort(key=itemgetter(0))  # rows with equal ranks keep their order
        self.list.show([row for _, row in ranked], 0)
        self.say("" if ranked else "Nothing has these words.")

    def highlighted(self, row: _Row | None) -> None:
        self._about.update(Content(row.about if row is not None else ""))

    def chosen(self, row: _Row) -> None:
        if self.is_current:  # Enter may come twice
            self.dismiss(row.command)


def _label_and_help(row: _Row) -> Content:
    label = Content(row.label)
    gap = " " * max(_LABEL_WIDTH + 2 - label.cell_length, 2)
    return Content.assemble(label, gap, (row.help, "dim"))


def _label(row: _Row) -> Content:
    return Content(row.label)


def _keys(row: _Row) -> Content:
    return Content.styled(row.keys, "$text-primary")


def _row_of_action(action: Action, label: str, keymap: Keymap) -> _Row:
    command = ""
    if action.slash:
        command = slash_usage(action)
    about = " · ".join(filter(None, (action.help, keymap.names(action.id), command)))
    keys = keymap.name(action.id) or command.partition(" ")[0]
    return _Row(action, label, action.help, keys, about)


def _row_of_task(task: NamedTask) -> _Row:
    command = f"/task {sanitize_line(task.name)}"
    return _Row(task, f"Task: {sanitize_line(task.title)}", command, "", command)
