"""The help screen: the keys of the dialog on top, the modes, and all keys and commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest

from textual.content import Content
from textual.screen import Screen

from modechat.commands.actions import ACTIONS, MODES, slash_table
from modechat.commands.keymap import Keymap, key_table
from modechat.domain.text import sanitize_line
from modechat.tui.screens.dialog import Dialog
from modechat.tui.screens.lines_dialog import LinesDialog
from modechat.tui.screens.list_dialog import matches

_NAMES = 26  # cells
_WIDTH_FOR_COLUMNS = 56
_LABELS = {
    about: action.label for action in ACTIONS for about in (action.help, action.command_help)
}
"""The labels of actions by their help texts, so that the filter finds words of labels, too."""
_CLOSES = ("Esc", "Close this screen")
_ESCAPED_COMMAND = ("\\/task …", "sends the text itself")

Row = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    rows: tuple[Row, ...]


class HelpScreen(LinesDialog):
    HEADING = "Help"
    OPENED_BY = "help"

    def __init__(self, keymap: Keymap, here: Section | None = None) -> None:
        """Show all keys and commands, and before them `here`, the keys of the dialog below."""
        super().__init__("Type to search")
        sections = [Section("Modes", MODES)]
        if here is not None:
            sections.insert(0, here)
        for group, rows in key_table(keymap):
            sections.append(Section(group, rows))
        sections.append(Section("Commands at the prompt", (*slash_table(), _ESCAPED_COMMAND)))
        self._sections = sections

    def on_mount(self) -> None:
        self.show_hints("Esc closes", "↑↓ scroll", "type to search")
        self.filtered("")

    def filtered(self, text: str) -> None:
        self.lines.show(partial(help_lines, found_sections(self._sections, text)))
        self.lines.scroll_home(animate=False)


def help_on(screen: Screen[object], keymap: Keymap) -> HelpScreen:
    """Return a help screen that begins with the keys of `screen`, if that is a dialog."""
    if not isinstance(screen, Dialog):
        return HelpScreen(keymap)
    about = screen.HEADING or "This screen"
    rows = tuple((keymap.name_keys(name), text) for name, text in (*screen.KEYS, _CLOSES))
    return HelpScreen(keymap, Section(f"Here: {about}", rows))


def found_sections(sections: Sequence[Section], words: str) -> tuple[Section, ...]:
    """Return the rows that have all `words` in themselves or in the title of their section."""
    found: list[Section] = []
    for section in sections:
        rows = tuple(row for row in section.rows if _has(words, section.title, row))
        if rows:
            found.append(Section(section.title, rows))
    return tuple(found)


def _has(words: str, title: str, row: Row) -> bool:
    return matches(words, title, *row, _LABELS.get(row[1], ""))


def help_lines(sections: Sequence[Section], width: int) -> list[Content]:
    """Lay out names beside their texts, or above them if the width is small."""
    if not sections:
        return [Content.styled("Nothing here has these words.", "dim")]
    lay_out = _beside if width >= _WIDTH_FOR_COLUMNS else _above
    lines: list[Content] = []
    for section in sections:
        if lines:
            lines.append(Content(""))
        lines.append(Content.styled(sanitize_line(section.title), "bold"))
        for name, text in section.rows:
            lines += lay_out(name, text, width)
    return lines


def _beside(name: str, text: str, width: int) -> list[Content]:
    names = Content.styled(sanitize_line(name), "$text-primary").wrap(_NAMES - 2)
    texts = Content(sanitize_line(text)).wrap(width - _NAMES)
    lines: list[Content] = []
    for left, right in zip_longest(names, texts, fillvalue=Content("")):
        lines.append(left.pad_right(_NAMES - left.cell_length) + right)
    return lines


def _above(name: str, text: str, width: int) -> list[Content]:
    names = Content.styled(sanitize_line(name), "$text-primary").wrap(max(width, 1))
    texts = Content(sanitize_line(text)).wrap(max(width - 2, 1))
    return [*names, *(Content("  ") + line for line in texts)]
