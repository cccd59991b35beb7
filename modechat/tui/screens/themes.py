"""The list of themes: what is highlighted is tried at once, and Enter keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from modechat.tui.look import NO_COLOR
from modechat.tui.palette import can_page
from modechat.tui.themes import THEME_NAMES

if TYPE_CHECKING:
    from modechat.tui.app import ModechatApp


class _ThemeList(OptionList):
    def action_page_up(self) -> None:
        if can_page(self):
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        if can_page(self):
            super().action_page_down()  # type: ignore[no-untyped-call]


class ThemesScreen(ModalScreen[None]):
    BINDINGS = [Binding("escape", "back", "Close", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._before = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -small") as dialog:
            dialog.border_title = Content("Theme")
            dialog.border_subtitle = Content("Enter keeps it · Esc goes back")
            if self.app.no_color:
                yield Static(Content("NO_COLOR is set, so there are no colours."))
            else:
                yield _ThemeList(*(Option(Content(name)) for name in THEME_NAMES))

    def on_mount(self) -> None:
        self._before = self.app.theme
        if self._before != NO_COLOR:
            self.query_one(OptionList).highlighted = THEME_NAMES.index(self._before)

    @on(OptionList.OptionHighlighted)
    def _try(self, message: OptionList.OptionHighlighted) -> None:
        self.app.theme = THEME_NAMES[message.option_index]

    @on(OptionList.OptionSelected)
    def _keep(self, message: OptionList.OptionSelected) -> None:
        if self.is_current:  # Enter may come twice
            self._modechat.keep_theme(THEME_NAMES[message.option_index])
            self.dismiss()

    def action_back(self) -> None:
        self.app.theme = self._before
        self.dismiss()

    @property
    def _modechat(self) -> ModechatApp:
        from modechat.tui.app import ModechatApp

        assert isinstance(self.app, ModechatApp)
        return self.app
