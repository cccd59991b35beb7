"""The settings screen: sampling, context, system texts and format, for one conversation or all.

Every change is used from the next turn on; nothing has to be confirmed at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from modechat.commands.setting_commands import change
from modechat.commands.setting_values import (
    SETTINGS,
    Kind,
    Setting,
    WrongValue,
    read_value,
    shown_value,
)
from modechat.domain.text import in_one_line, without_controls
from modechat.errors import ModechatError
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import HELP, Dialog
from modechat.tui.screens.settings_view import Scope, SettingsView
from modechat.tui.screens.tab_line import TabLine
from modechat.tui.screens.value_input import ValueInput
from modechat.tui.widgets.row_list import Column, RowList
from modechat.tui.widgets.safe_text_area import SafeTextArea

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_SOURCE_WIDTH = 17  # cells
_WIDTH_FOR_SOURCE = 61
_SCOPES = tuple(Scope)


class _SystemText(SafeTextArea):
    wanted_height = len(SETTINGS) + 1
    """The height of the list with its header, so that nothing moves when a text is edited."""

    def __init__(self) -> None:
        super().__init__(soft_wrap=True, show_line_numbers=False, classes="text", compact=True)

    def begin(self, text: str) -> None:
        self.text = without_controls(text)
        self.move_cursor(self.document.end)
        self.focus()


class SettingsScreen(Dialog[None]):
    HEADING = "Settings"
    OPENED_BY = "settings"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down", "Move in the list"),
        ("Enter", "Change the setting; Enter again keeps it, Esc leaves it as it was"),
        ("Tab", "Change the scope: this conversation, or all"),
        ("Delete, Backspace", "Remove the value set here; the more general one is used again"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "scope", show=False, priority=True),
        Binding("ctrl+s", "keep_text", show=False, priority=True),
    ]

    def __init__(self, session: ChatSession) -> None:
        super().__init__()
        self._session = session
        self._view = SettingsView(session)
        self._edited: Setting | None = None
        self._tabs = TabLine(scope.name.lower() for scope in _SCOPES)
        self._list = RowList(_columns(self._view))
        self._about = Static(classes="about")
        self._input = ValueInput()
        self._text = _SystemText()

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._tabs
            yield self._list
            yield self._text
            yield self._about
            yield self._input
            yield self.said

    def on_mount(self) -> None:
        self.run_worker(self._read_template(), group="template")
        self._list.show(SETTINGS)
        self._list.focus()
        self._show_list()

    # What is shown

    async def _read_template(self) -> None:
        await self._view.read_template()
        self._refresh()

    def _refresh(self) -> None:
        self._tabs.show(*_tab_texts(self._view.scope))
        self._list.redraw()
        self._describe()

    def _describe(self) -> None:
        if (setting := self._list.row) is not None:
            self._about.update(self._view.about(setting))

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        self._describe()
        self.say("")

    # The scope

    def action_scope(self) -> None:
        self._show_scope(self._view.scope.other)

    @on(TabLine.Clicked)
    def _tab_clicked(self, message: TabLine.Clicked) -> None:
        self._show_scope(_SCOPES[message.index])

    def _show_scope(self, scope: Scope) -> None:
        if self._edited is None:
            self._view.scope = scope
            self.say("")
            self._refresh()

    # Editing

    def on_key(self, event: events.Key) -> None:
        """Reset the highlighted setting, or begin to edit it with a typed digit."""
        setting = self._list.row
        if self._edited is not None or self.focused is not self._list or setting is None:
            return
        if event.key in ("delete", "backspace"):
            event.stop()
            self._keep(setting, None)
        elif event.character is not None and event.character in "0123456789.":
            event.stop()
            self._edit(setting, typed=event.character)

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        setting = self._list.row
        if setting is not None and setting.kind is Kind.FORMAT:
            run_newest(self, self._choose_format, setting)
        elif setting is not None:
            self._edit(setting)

    def _show_list(self) -> None:
        """End editing, and show the list."""
        self._edited = None
        self._list.display = True
        self._text.display = self._input.display = False
        self._refresh()
        self._list.focus()
        self.show_hints("Enter changes", "Tab this/all", "Del resets", "Esc closes", HELP)

    def _edit(self, setting: Setting, typed: str = "") -> None:
        """Show the editor of `setting`, with its value or with `typed` instead."""
        if setting.kind is Kind.FORMAT:
            return
        self._edited = setting
        is_text = setting.kind is Kind.SYSTEM
        self._list.display = not is_text
        self._text.display = is_text
        self._refresh()
        value = self._view.valued(setting).value
        if is_text:
            self._text.begin(str(value or ""))
            self.show_hints("Ctrl+S keeps it", "Esc leaves it as it was")
            return
        if typed:
            self._input.edit(typed)
        else:
            self._input.edit("" if value in (None, ()) else shown_value(value), is_selected=True)
        self.show_hints("Enter keeps it", "Esc leaves it as it was", "empty resets")

    @on(Input.Changed, ".value")
    def _typed(self, message: Input.Changed) -> None:
        if self._edited is None:
            return
        try:
            read_value(self._edited, message.value)
        except WrongValue as error:
            self.say(f"Not yet: {error}", is_trouble=True)
        else:
            self.say("")

    @on(Input.Submitted, ".value")
    def _submitted(self, message: Input.Submitted) -> None:
        setting = self._edited
        if setting is None:
            return
        try:
            value = read_value(setting, message.value)
        except WrongValue as error:
            self.say(f"This cannot be kept: {error}", is_trouble=True)
            return
        self._show_list()
        self._keep(setting, value)

    def action_keep_text(self) -> None:
        setting = self._edited
        if setting is not None and setting.kind is Kind.SYSTEM:
            text = self._text.text.strip()
            self._show_list()
            self._keep(setting, text)

    def action_close(self) -> None:
        if self._edited is not None:
            self._show_list()
            self.say("")
        else:
            super().action_close()

    # Keeping

    def _keep(self, setting: Setting, value: object) -> None:
        self.run_worker(self._change(setting, value, self._view.scope), group="keep")

    async def _change(self, setting: Setting, value: object, scope: Scope) -> None:
        """Use `value` in `scope`; None resets the setting there."""
        for_all = scope is Scope.EVERYWHERE
        try:
            reason = await change(setting, value, self._session, for_all=for_all)
        except ModechatError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
        else:
            if reason is not None:
                self.say(reason.reason, is_trouble=True)
            else:
                self.say(self._view.result(setting, value, scope))
        self._refresh()

    async def _choose_format(self, setting: Setting) -> None:
        from modechat.tui.screens.format_picker import pick_format

        used = self._view.valued(setting).value
        if self._view.is_for_all:
            picked = await pick_format(self.app, self._session, used)
        else:
            picked = await pick_format(
                self.app,
                self._session,
                used,
                automatic="as everywhere",
                model=self._session.model,
            )
        if picked is not None:
            await self._change(setting, picked.name, self._view.scope)


def _columns(view: SettingsView) -> tuple[Column[Setting], ...]:
    return (
        Column("Setting", _label, width=16),
        Column("Value", view.value),
        Column("From", view.source, width=_SOURCE_WIDTH, needs=_WIDTH_FOR_SOURCE),
    )


def _tab_texts(chosen: Scope) -> tuple[list[str], int]:
    """Return the text of each tab, and the index of the chosen one."""
    front = _SCOPES.index(chosen)
    texts = [f"  {scope.value}" for scope in _SCOPES]
    texts[front] = f"▸ {chosen.value}"
    return texts, front


def _label(setting: Setting) -> Content:
    return Content(setting.label)
