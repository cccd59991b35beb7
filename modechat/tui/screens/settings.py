"""The settings screen: sampling, context, system prompts and format, for this conversation or for all.

Every change counts from the next turn on; nothing has to be confirmed at the end.
"""

from __future__ import annotations

import contextlib
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from modechat.commands.prompt_text import own_system
from modechat.commands.setting_commands import change, value_of
from modechat.commands.setting_values import (
    SETTINGS,
    Kind,
    Setting,
    WrongValue,
    read_value,
    shown_value,
)
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.text import in_one_line, sanitize, sanitize_line, without_controls
from modechat.errors import EngineError, ModechatError
from modechat.session import provenance
from modechat.session.provenance import Valued
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.row_list import Column, RowList
from modechat.tui.widgets.safe_text_area import SafeTextArea

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_NEEDED_FOR_SOURCE = 44
_TEMPLATE = "model's template"
_QUESTION = "Hi"
_ROWS_OF_TEXT = len(SETTINGS) + 1
"""As many as the list has, so that nothing moves when a text is edited."""


class Scope(Enum):
    CONVERSATION = "This conversation"
    EVERYWHERE = "Everywhere"

    @property
    def other(self) -> Scope:
        return Scope.EVERYWHERE if self is Scope.CONVERSATION else Scope.CONVERSATION


class _SystemText(SafeTextArea):
    wanted_height = _ROWS_OF_TEXT


class SettingsScreen(Dialog[None]):
    HEADING = "Settings"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down", "Move in the list"),
        ("Enter", "Change the setting; Enter again keeps it, Esc leaves it as it was"),
        ("Tab", "Change what it counts for: this conversation, or all of them"),
        ("Delete, Backspace", "Take back what was set here, so that what stands below it counts"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "close", show=False, priority=True),
        Binding("tab,shift+tab", "scope", show=False, priority=True),
        Binding("ctrl+s", "keep_text", show=False, priority=True),
    ]

    def __init__(self, session: ChatSession) -> None:
        super().__init__()
        self._session = session
        self._scope = Scope.CONVERSATION
        self._edited: Setting | None = None
        self._tabs = {scope: Static(classes="tab", id=scope.name.lower()) for scope in Scope}
        self._list: RowList[Setting] = RowList(
            (
                Column("Setting", lambda setting: Content(setting.label), width=16),
                Column("Value", self._shown),
                Column("From", self._source, width=17, needs=_NEEDED_FOR_SOURCE + 17),
            )
        )
        self._own_systems: dict[str, str] = {}
        """What the model's template says of its own where a system text is not set."""
        self._about = Static(classes="about")
        self._input = Input(compact=True, select_on_focus=False, classes="filter value")
        self._text = _SystemText(
            soft_wrap=True, show_line_numbers=False, classes="text", compact=True
        )
        self._said = Static(classes="said")

    def compose(self) -> ComposeResult:
        with self.frame:
            with Horizontal(classes="tabs"):
                yield from self._tabs.values()
            yield self._list
            yield self._text
            yield self._about
            yield self._input
            yield self._said

    def on_mount(self) -> None:
        self.run_worker(self._look_at_template(), group="template")
        self._list.show(SETTINGS)
        self._list.focus()
        self._edit(None)

    # What is shown

    def _value(self, setting: Setting) -> Valued:
        """In the scope that is shown."""
        return value_of(setting, self._session, for_all=self._scope is Scope.EVERYWHERE)

    async def _look_at_template(self) -> None:
        """Find out what the template says where the user says nothing. Without a model there is nothing to say."""
        settings = self._session.settings
        questions: dict[str, ChatMessage | Task] = {}
        if not settings.chat_system:
            questions["chat_system"] = ChatMessage(_QUESTION)
        if not settings.instruct_system:
            questions["instruct_system"] = Task(_QUESTION)
        with contextlib.suppress(EngineError):
            for name, question in questions.items():
                self._own_systems[name] = own_system(await self._session.prompts.alone(question))
        self._refresh()

    def _own_system(self, setting: Setting) -> str:
        """Empty: the template says nothing, the user does, or it is not known."""
        return (
            ""
            if self._value(setting).value
            else sanitize_line(self._own_systems.get(setting.name, ""))
        )

    def _shown(self, setting: Setting) -> Content:
        if own := self._own_system(setting):
            return Content.styled(own[:300], "dim")
        return Content(shown_value(self._value(setting).value)[:300])

    def _source(self, setting: Setting) -> Content:
        source = _TEMPLATE if self._own_system(setting) else self._value(setting).source
        return Content.styled(
            source, "$text-accent" if source == provenance.THIS_CONVERSATION else "dim"
        )

    def _refresh(self) -> None:
        for scope, tab in self._tabs.items():
            mark = "▸ " if scope is self._scope else "  "
            tab.update(
                Content.styled(mark + scope.value, "bold" if scope is self._scope else "dim")
            )
        self._list.redraw()
        self._describe()

    def _describe(self) -> None:
        setting = self._list.row
        if setting is None:
            return
        value = self._value(setting)
        counts = (
            "from the next turn on"
            if setting.kind is not Kind.CONTEXT
            else self._scope_of_context()
        )
        limits = f" Range: {setting.range}." if setting.range else ""
        self._about.update(
            Content.assemble(
                (f"{setting.meaning}{limits}", ""),
                (
                    f"\nFrom: {_TEMPLATE if self._own_system(setting) else value.source} · counts {counts}",
                    "dim",
                ),
            )
        )

    def _scope_of_context(self) -> str:
        return (
            "until modechat ends"
            if self._scope is Scope.CONVERSATION
            else "from now on, for every start"
        )

    def _say(self, text: str, *, is_trouble: bool = False) -> None:
        self._said.update(Content(sanitize(text)))
        self._said.set_class(is_trouble, "-trouble")

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        self._describe()
        self._say("")

    # Changing

    def action_scope(self) -> None:
        if self._edited is None:
            self._show_scope(self._scope.other)

    def _show_scope(self, scope: Scope) -> None:
        self._scope = scope
        self._say("")
        self._refresh()

    def on_click(self, event: events.Click) -> None:
        scope = next((scope for scope, tab in self._tabs.items() if event.widget is tab), None)
        if scope is not None and self._edited is None:
            self._show_scope(scope)

    def on_key(self, event: events.Key) -> None:
        if self._edited is not None or self.focused is not self._list:
            return
        if event.key in ("delete", "backspace"):
            event.stop()
            self._keep(self._list.row, None)
        elif (
            event.character is not None
            and event.character in "0123456789."
            and self._list.row is not None
        ):
            event.stop()
            self._edit(self._list.row, typed=event.character)

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        setting = self._list.row
        if setting is not None and setting.kind is Kind.FORMAT:
            self.run_worker(self._choose_format(setting), group="format", exclusive=True)
        else:
            self._edit(setting)

    def _edit(self, setting: Setting | None, typed: str = "") -> None:
        """Show the editor of `setting`; None: the list again."""
        if setting is not None and setting.kind is Kind.FORMAT:
            return
        self._edited = setting
        is_text = setting is not None and setting.kind is Kind.SYSTEM
        self._list.display = not is_text
        self._text.display = is_text
        self._input.display = setting is not None and not is_text
        self._refresh()
        if setting is None:
            self._list.focus()
            self.show_hints("Enter changes", "Tab this/all", "Del resets", "Esc closes", "F1 help")
            return
        value = self._value(setting).value
        if is_text:
            self._text.text = without_controls(str(value or ""))
            self._text.move_cursor(self._text.document.end)
            self._text.focus()
            self.show_hints("Ctrl+S keeps it", "Esc leaves it as it was")
        else:
            shown = typed or ("" if value in (None, ()) else shown_value(value))
            self._input.value = shown
            self._input.cursor_position = len(shown)
            if not typed:
                self._input.action_select_all()
            self._input.focus()
            self.show_hints("Enter keeps it", "Esc leaves it as it was", "empty resets")

    @on(Input.Changed, ".value")
    def _typed(self, message: Input.Changed) -> None:
        if self._edited is None:
            return
        try:
            read_value(self._edited, message.value)
        except WrongValue as error:
            self._say(f"Not yet: {error}", is_trouble=True)
        else:
            self._say("")

    @on(Input.Submitted, ".value")
    def _submitted(self, message: Input.Submitted) -> None:
        setting = self._edited
        if setting is None:
            return
        try:
            value = read_value(setting, message.value)
        except WrongValue as error:
            self._say(f"This cannot be kept: {error}", is_trouble=True)
            return
        self._edit(None)
        self._keep(setting, value)

    def action_keep_text(self) -> None:
        setting = self._edited
        if setting is not None and setting.kind is Kind.SYSTEM:
            text = self._text.text.strip()
            self._edit(None)
            self._keep(setting, text)

    def action_close(self) -> None:
        if self._edited is not None:
            self._edit(None)
            self._say("")
        else:
            super().action_close()

    def _keep(self, setting: Setting | None, value: object) -> None:
        if setting is not None:
            self.run_worker(self._kept(setting, value), group="keep")

    async def _kept(self, setting: Setting, value: object) -> None:
        """Have `value` used; None: what counts without it."""
        try:
            reason = await change(
                setting, value, self._session, for_all=self._scope is Scope.EVERYWHERE
            )
        except ModechatError as error:
            self._say(in_one_line(error.title, error.hint), is_trouble=True)
        else:
            if reason is not None:
                self._say(reason.reason, is_trouble=True)
            else:
                self._say(self._done(setting, value))
        self._refresh()

    def _done(self, setting: Setting, value: object) -> str:
        what = (
            f"{setting.label}: {shown_value(value)[:60]}"
            if value is not None
            else f"{setting.label} was reset"
        )
        if setting.kind is Kind.CONTEXT:
            return f"{what}. The model is being loaded again."
        own = self._session.effective.own
        mine = own.sampling if setting.kind is Kind.SAMPLING else own
        if self._scope is Scope.EVERYWHERE and getattr(mine, setting.name) not in (None, ()):
            return f"{what}. But this conversation has a value of its own."
        return f"{what}."

    # The format

    async def _choose_format(self, setting: Setting) -> None:
        from modechat.prompting.prompt_format import CHAT_TEMPLATE
        from modechat.tui.screens.picker import Choice, PickerScreen

        used = self._value(setting).value
        names = [CHAT_TEMPLATE, *(named.name for named in self._session.settings.load.formats)]
        titles = {named.name: named.title for named in self._session.settings.load.formats}
        choices = [
            Choice(
                "automatic",
                "as everywhere" if self._scope is Scope.CONVERSATION else "what fits the model",
            ),
            *(
                Choice(name, titles.get(name, "the model's own"), is_current=name == used)
                for name in names
            ),
        ]
        chosen = await self.app.push_screen_wait(PickerScreen("Prompt format", choices))
        if chosen is not None:
            await self._kept(setting, names[chosen - 1] if chosen else None)
