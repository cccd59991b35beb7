"""The help screen: the keys of the screen it was opened from, the two modes, all keys and commands. Typing filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from modechat.commands.actions import ACTIONS, MODES, slash_table
from modechat.commands.keymap import Keymap, key_table
from modechat.domain.text import sanitize_line
from modechat.tui.bindings import bind_to_close
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.line_view import LineView

_NAMES = 26  # cells
_WIDTH_FOR_COLUMNS = 56
_LABELS = {action.help: action.label for action in ACTIONS}
"""What actions are called elsewhere, by what the help says of them: one looks for those words, too."""

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: tuple[Row, ...]


class HelpScreen(Dialog[None]):
    """`keys` are those of the screen that help was asked for, which is called `about`."""

    HEADING = "Help"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1,ctrl+backslash", "close", show=False, priority=True),
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
        Binding("ctrl+home", "scroll('home')", show=False),
        Binding("ctrl+end", "scroll('end')", show=False),
    ]

    def __init__(self, keymap: Keymap, about: str = "", keys: tuple[Row, ...] = ()) -> None:
        super().__init__()
        bind_to_close(self, keymap, "help")
        here = (Section(f"Here: {about}", keys),) if keys else ()
        self._sections = (
            *here,
            Section("Modes", MODES),
            *(Section(group, rows) for group, rows in key_table(keymap)),
            Section(
                "Commands at the prompt", (*slash_table(), ("\\/task …", "sends the text itself"))
            ),
        )
        self._filter = Input(placeholder="Type to search", compact=True, classes="filter")
        self._lines = LineView()

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._filter
            yield self._lines

    def on_mount(self) -> None:
        self.show_hints("Esc closes", "↑↓ scroll", "type to search")
        self._filter.focus()
        self._show("")

    def action_scroll(self, where: str) -> None:
        getattr(self._lines, f"scroll_{where}")(animate=False)

    @on(Input.Changed)
    def _filter_changed(self, message: Input.Changed) -> None:
        self._show(message.value)
        self._lines.scroll_home(animate=False)

    def _show(self, words: str) -> None:
        sections = found_sections(self._sections, words)
        self._lines.show(lambda width: help_lines(sections, width))


def found_sections(sections: Sequence[Section], words: str) -> tuple[Section, ...]:
    """What of the sections has all `words`, in its rows or its title."""
    wanted = words.casefold().split()

    def has(title: str, row: Row) -> bool:
        said = " ".join((title, *row, _LABELS.get(row[1], ""))).casefold()
        return all(word in said for word in wanted)

    found = (
        Section(one.title, tuple(row for row in one.rows if has(one.title, row)))
        for one in sections
    )
    return tuple(section for section in found if section.rows)


def help_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """Names beside their texts, or above them where there is little room."""
    if not sections:
        return [Content.styled("Nothing here has these words.", "dim")]
    lines: list[Content] = []
    for section in sections:
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(sanitize_line(section.title), "bold"))
        for name, text in section.rows:
            lines += (
                _beside(name, text, width)
                if width >= _WIDTH_FOR_COLUMNS
                else _above(name, text, width)
            )
    return lines


def _beside(name: str, text: str, width: int) -> list[Content]:
    names = Content.styled(sanitize_line(name), "$text-primary").wrap(_NAMES - 2)
    texts = Content(sanitize_line(text)).wrap(width - _NAMES)
    count = max(len(names), len(texts))
    empty = Content("")
    left, right = (
        [*names, *[empty] * (count - len(names))],
        [*texts, *[empty] * (count - len(texts))],
    )
    return [
        one.pad_right(_NAMES - one.cell_length) + other
        for one, other in zip(left, right, strict=True)
    ]


def _above(name: str, text: str, width: int) -> list[Content]:
    names = Content.styled(sanitize_line(name), "$text-primary").wrap(max(width, 1))
    return [
        *names,
        *(Content("  ") + line for line in Content(sanitize_line(text)).wrap(max(width - 2, 1))),
    ]
