"""The columns of a comparison, to be changed one by one: rows are what can be different, columns the variants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from modechat.commands.compare_fields import FIELDS, Field, How, changed, shown, toggled, typed
from modechat.commands.setting_values import WrongValue
from modechat.domain.text import sanitize
from modechat.session.variants import LEAST_VARIANTS, MOST_VARIANTS, VariantSettings
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.row_list import Column, RowList

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_LABELS = 14  # cells


class CompareColumnsScreen(Dialog[tuple[VariantSettings, ...]]):
    """Returns the variants, or None."""

    HEADING = "Columns to compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "column(-1)", show=False, priority=True),
        Binding("right,tab", "column(1)", show=False, priority=True),
        Binding("ctrl+s,f10,alt+c", "start", show=False, priority=True),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down, Left, Right", "Go to a value"),
        ("Enter", "Change it"),
        ("Delete, Backspace", "As now again"),
        ("+, -", "One column more, or less"),
        ("F10, Ctrl+S", "Ask them all"),
    )

    def __init__(self, session: ChatSession, variants: Sequence[VariantSettings]) -> None:
        super().__init__()
        self._session = session
        self._variants = list(variants)
        self._at = 0
        self._edited: Field | None = None
        self._list = self._new_list()
        self._about = Static(classes="about")
        self._input = Input(compact=True, select_on_focus=False, classes="filter value")
        self._said = Static(classes="said")

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._list
            yield self._about
            yield self._input
            yield self._said

    def on_mount(self) -> None:
        self._list.show(FIELDS)
        self._edit(None)

    # What is shown

    def _new_list(self) -> RowList[Field]:
        columns = [
            Column(f"Column {at + 1}", partial(self._cell, at)) for at in range(len(self._variants))
        ]
        return RowList((Column("", lambda field: Content(field.label), width=_LABELS), *columns))

    def _cell(self, at: int, field: Field) -> Content:
        text = shown(field, self._variants[at])
        is_here = at == self._at and field is self._list.row
        return Content.styled(
            f"[{text}]" if is_here else f" {text}", "" if is_here or text != "–" else "dim"
        )

    async def _show_columns(self) -> None:
        """Their number changed."""
        old, self._list = self._list, self._new_list()
        at = old.highlighted
        await self.frame.mount(self._list, before=old)
        await old.remove()
        self._list.show(FIELDS, at)
        self._list.focus()

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        field = self._list.row
        self._about.update(Content(field.about if field is not None else ""))
        self._say("")

    def _say(self, text: str) -> None:
        self._said.update(Content(sanitize(text)))
        self._said.set_class(bool(text), "-trouble")

    # Moving

    def action_column(self, by: int) -> None:
        if self._edited is None:
            self._at = (self._at + by) % len(self._variants)
            self._list.redraw()
        elif by and self.focused is self._input:
            self._input.action_cursor_left() if by < 0 else self._input.action_cursor_right()

    async def on_key(self, event: events.Key) -> None:
        if self._edited is not None:
            return
        if event.key in ("delete", "backspace"):
            self._keep(self._list.row, None)
        elif event.character == "+" and len(self._variants) < MOST_VARIANTS:
            self._variants.insert(self._at + 1, self._variants[self._at])
            self._at += 1
            await self._show_columns()
        elif event.character == "-" and len(self._variants) > LEAST_VARIANTS:
            del self._variants[self._at]
            self._at = min(self._at, len(self._variants) - 1)
            await self._show_columns()
        elif event.character and event.character in "0123456789." and self._is_number:
            self._edit(self._list.row, event.character)
        else:
            return
        event.stop()

    @property
    def _is_number(self) -> bool:
        return self._list.row is not None and self._list.row.name in ("temperature", "seed")

    # Changing

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        field = self._list.row
        if field is None:
            return
        match field.how:
            case How.TYPED:
                self._edit(field)
            case How.TOGGLED:
                self._variants[self._at] = toggled(self._variants[self._at])
                self._list.redraw()
            case How.CHOSEN:
                self.run_worker(self._choose(field), group="choose", exclusive=True)

    def _edit(self, field: Field | None, text: str = "") -> None:
        """Have a value typed; None: it is done."""
        self._edited = field
        self._input.display = field is not None
        if field is None:
            self._list.focus()
            self.show_hints(
                "Enter changes",
                "F10 asks",
                "←→ column",
                "+ - columns",
                "Del as now",
                "Esc back",
                "F1 help",
            )
            return
        value = getattr(self._variants[self._at], field.name)
        self._input.value = text or (
            shown(field, self._variants[self._at]) if value is not None else ""
        )
        self._input.cursor_position = len(self._input.value)
        self._input.focus()
        self.show_hints("Enter keeps it", "Esc leaves it as it was", "empty: as now")

    @on(Input.Submitted, ".value")
    def _submitted(self, message: Input.Submitted) -> None:
        field = self._edited
        if field is None:
            return
        try:
            value = typed(field, message.value)
        except WrongValue as error:
            self._say(f"This cannot be used: {error}")
            return
        self._edit(None)
        self._keep(field, value)

    def _keep(self, field: Field | None, value: object) -> None:
        if field is not None:
            self._variants[self._at] = changed(field, self._variants[self._at], value)
            self._list.redraw()
            self._say("")

    async def _choose(self, field: Field) -> None:
        value = await (self._choose_model() if field.name == "model" else self._choose_format())
        if value is not None:
            self._keep(field, value)

    async def _choose_model(self) -> str | None:
        from modechat.tui.screens.model_choice import ModelChoiceScreen

        path = await self.app.push_screen_wait(ModelChoiceScreen(self._session))
        return str(path) if path is not None else None

    async def _choose_format(self) -> str | None:
        from modechat.prompting.prompt_format import CHAT_TEMPLATE
        from modechat.tui.screens.picker import Choice, PickerScreen

        formats = self._session.settings.load.formats
        rows = [
            (CHAT_TEMPLATE, "the model's own"),
            *((named.name, named.title) for named in formats),
        ]
        used = self._variants[self._at].format
        choices = [Choice(name, title, is_current=name == used) for name, title in rows]
        chosen = await self.app.push_screen_wait(PickerScreen("Prompt format", choices))
        return rows[chosen][0] if chosen is not None else None

    def action_start(self) -> None:
        if self._edited is not None:
            return
        self.dismiss(tuple(self._variants))

    def action_close(self) -> None:
        if self._edited is not None:
            self._edit(None)
            self._say("")
        else:
            super().action_close()
