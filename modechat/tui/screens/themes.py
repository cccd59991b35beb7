"""The list of themes: the highlighted theme is tried at once, and Enter keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from modechat.tui.look import NO_COLOR
from modechat.tui.screens.dialog import Dialog
from modechat.tui.themes import THEME_NAMES
from modechat.tui.widgets.row_list import Column, RowList


class ThemesScreen(Dialog[None]):
    HEADING = "Theme"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down, Page Up, Page Down", "Try a theme"),
        ("Enter", "Keep it"),
    )

    def __init__(self, keep: Callable[[str], None]) -> None:
        """Call `keep` with the theme that the user chooses."""
        super().__init__()
        self.frame.add_class("-small")
        self._keep = keep
        self._before = ""
        self._list: RowList[str] = RowList((Column("", Content),), has_header=False)

    def compose(self) -> ComposeResult:
        with self.frame:
            if self.app.no_color:
                yield Static(Content("NO_COLOR is set, so there are no colours."))
            else:
                yield self._list

    def on_mount(self) -> None:
        self._before = self.app.theme
        if self.app.no_color:
            self.show_hints("Esc closes")
            return
        self.show_hints("Enter keeps it", "Esc goes back")
        at = 0
        if self._before != NO_COLOR:
            at = THEME_NAMES.index(self._before)
        self._list.show(THEME_NAMES, at)
        self._list.focus()

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        if (name := self._list.row) is not None:
            self.app.theme = name

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        if self.is_current and (name := self._list.row) is not None:  # Enter may come twice
            self._keep(name)
            self.dismiss(None)

    def action_close(self) -> None:
        self.app.theme = self._before
        super().action_close()
