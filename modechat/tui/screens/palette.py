"""The list of all that can be done, with the keys: actions and named tasks, found by words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from modechat.commands.actions import Action, slash_usage
from modechat.commands.finding import in_palette, rank, rank_of_action
from modechat.commands.keymap import Keymap
from modechat.domain.text import sanitize_line
from modechat.prompting.tasks import NamedTask
from modechat.tui.screens.list_dialog import ListDialog
from modechat.tui.widgets.row_list import Column

Doable: TypeAlias = Action | NamedTask

_KEYS = 14  # cells
_LABEL = 28
"""Cells of a label, after which what it does begins; some names of tasks are longer."""
_WITH_HELP = 56
"""Cells of a row from which it says what it does; below the list stands the same of the highlighted row."""


@dataclass(frozen=True, slots=True)
class _Row:
    what: Doable
    label: str
    help: str
    keys: str
    """The first key; where there is none, the command to type."""
    about: str

    def rank(self, words: str) -> int | None:
        if isinstance(self.what, Action):
            return rank_of_action(words, self.what, self.label)
        return rank(words, self.label, self.help)


class PaletteScreen(ListDialog[Doable, _Row]):
    """Returns what to do, or None."""

    HEADING = "Commands"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only what has these words, or others for the same"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Do it"),
    )

    def __init__(
        self, keymap: Keymap, label_of: Callable[[Action], str], tasks: Sequence[NamedTask]
    ) -> None:
        """`label_of` says what an action is called now."""
        super().__init__(
            (
                Column("", _named, needs=_WITH_HELP),
                Column("", lambda row: Content(row.label), until=_WITH_HELP),
                Column(
                    "",
                    lambda row: Content.styled(row.keys, "$text-primary"),
                    width=_KEYS,
                    at_right=True,
                ),
            ),
            "Type to find",
            has_header=False,
        )
        actions = (_row_of_action(action, label_of(action), keymap) for action in in_palette())
        self._rows = (*actions, *map(_row_of_task, tasks))
        self._about = Static(classes="about")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        super().on_mount()
        self.show_hints("Enter does it", "Esc closes", "type to find", "F1 help")
        self.filtered("")

    def filtered(self, text: str) -> None:
        ranked = [(found, row) for row in self._rows if (found := row.rank(text)) is not None]
        ranked.sort(key=lambda pair: pair[0])  # what is as good stays in its order
        self.list.show([row for _, row in ranked], 0)
        self.say("" if ranked else "Nothing has these words.")

    def highlighted(self, row: _Row | None) -> None:
        self._about.update(Content(row.about if row is not None else ""))

    def chosen(self, row: _Row) -> None:
        if self.is_current:  # Enter may come twice
            self.dismiss(row.what)


def _named(row: _Row) -> Content:
    label = Content(row.label)
    return Content.assemble(
        label.pad_right(max(_LABEL - label.cell_length, 0)), "  ", (row.help, "dim")
    )


def _row_of_action(action: Action, label: str, keymap: Keymap) -> _Row:
    command = slash_usage(action) if action.slash else ""
    about = " · ".join(filter(None, (action.help, keymap.names(action.id), command)))
    return _Row(
        action, label, action.help, keymap.name(action.id) or command.partition(" ")[0], about
    )


def _row_of_task(task: NamedTask) -> _Row:
    command = f"/task {sanitize_line(task.name)}"
    return _Row(task, f"Task: {sanitize_line(task.title)}", command, "", command)
