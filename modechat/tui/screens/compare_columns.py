"""A table of the differences between the variants, which the user edits before a comparison.

Rows are the fields that can differ, columns are the variants.
"""

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
from modechat.commands.keys import key_name
from modechat.commands.setting_values import WrongValue
from modechat.domain.key_names import key
from modechat.session.variants import LEAST_VARIANTS, MOST_VARIANTS, VariantSettings
from modechat.tui.bindings import bind_in_dialog, keymap_of
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import HELP, Dialog
from modechat.tui.screens.value_input import ValueInput
from modechat.tui.widgets.row_list import Column, RowList

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_LABEL_WIDTH = 14  # cells
_START_KEY = "ctrl+s"
"""It starts the comparison, and so do the keys of comparing."""
_HINTS = ("←→ column", "+ - columns", "Del as now", "Esc back", HELP)
_TYPED_NUMBERS = ("temperature", "seed")
_DIGITS = frozenset("0123456789.")


class CompareColumnsScreen(Dialog[tuple[VariantSettings, ...]]):
    """Returns the variants, or None."""

    HEADING = "Columns to compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "column(-1)", show=False, priority=True),
        Binding("right,tab", "column(1)", show=False, priority=True),
        Binding(_START_KEY, "start", show=False, priority=True),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down, Left, Right", "Go to a value"),
        ("Enter", "Change it"),
        ("Delete, Backspace", "Use the current value again"),
        ("+, -", "Add a column, or remove one"),
        (f"{key('compare', 'F10')}, {key_name(_START_KEY)}", "Ask them all"),
    )

    def __init__(self, session: ChatSession, variants: Sequence[VariantSettings]) -> None:
        super().__init__()
        self._session = session
        self._variants = list(variants)
        self._at = 0
        self._edited: Field | None = None
        self._list = self._new_list()
        self._about = Static(classes="about")
        self._input = ValueInput()

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._list
            yield self._about
            yield self._input
            yield self.said

    def on_mount(self) -> None:
        bind_in_dialog(self, keymap_of(self), "compare", "start")
        self._list.show(FIELDS)
        self._show_table()

    # What is shown

    def _new_list(self) -> RowList[Field]:
        columns = [Column("", _label, width=_LABEL_WIDTH)]
        for at in range(len(self._variants)):
            columns.append(Column(f"Column {at + 1}", partial(self._cell, at)))
        return RowList(columns)

    def _cell(self, at: int, field: Field) -> Content:
        text = shown(field, self._variants[at])
        if at == self._at and field is self._list.row:
            return Content(f"[{text}]")
        return Content.styled(f" {text}", "dim" if text == "–" else "")

    async def _show_columns(self) -> None:
        """Replace the list after the number of columns has changed."""
        old, self._list = self._list, self._new_list()
        at = old.highlighted
        await self.frame.mount(self._list, before=old)
        await old.remove()
        self._list.show(FIELDS, at)
        self._list.focus()

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        field = self._list.row
        if field is not None:
            self._about.update(Content(field.about))
        self.say("")

    # Moving

    def action_column(self, by: int) -> None:
        if self._edited is None:
            self._at = (self._at + by) % len(self._variants)
            self._list.redraw()
        elif self.focused is self._input:
            if by < 0:
                self._input.action_cursor_left()
            else:
                self._input.action_cursor_right()

    async def on_key(self, event: events.Key) -> None:
        field = self._list.row
        if self._edited is not None or field is None:
            return
        if event.key in ("delete", "backspace"):
            event.stop()
            self._keep(field, None)
        elif event.character == "+":
            event.stop()
            await self._add_column()
        elif event.character == "-":
            event.stop()
            await self._remove_column()
        elif event.character in _DIGITS and field.name in _TYPED_NUMBERS:
            event.stop()
            self._edit(field, first_key=event.character)

    async def _add_column(self) -> None:
        """Add a copy of the column that the cursor is in."""
        if len(self._variants) < MOST_VARIANTS:
            self._variants.insert(self._at + 1, self._variants[self._at])
            self._at += 1
            await self._show_columns()

    async def _remove_column(self) -> None:
        if len(self._variants) > LEAST_VARIANTS:
            del self._variants[self._at]
            self._at = min(self._at, len(self._variants) - 1)
            await self._show_columns()

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
                run_newest(self, self._choose, field)

    def _show_table(self) -> None:
        """End editing, and show the table."""
        self._edited = None
        self._input.display = False
        self._list.focus()
        starts = keymap_of(self).name("compare") or key_name(_START_KEY)
        self.show_hints("Enter changes", f"{starts} asks", *_HINTS)

    def _edit(self, field: Field, first_key: str = "") -> None:
        """Let the user type a value, beginning with `first_key` or else with the current value."""
        self._edited = field
        variant = self._variants[self._at]
        text = first_key
        if not text and getattr(variant, field.name) is not None:
            text = shown(field, variant)
        self._input.edit(text)
        self.show_hints("Enter keeps it", "Esc leaves it as it was", "empty: as now")

    @on(Input.Submitted, ".value")
    def _submitted(self, message: Input.Submitted) -> None:
        field = self._edited
        if field is None:
            return
        try:
            value = typed(field, message.value)
        except WrongValue as error:
            self.say(f"This cannot be used: {error}", is_trouble=True)
            return
        self._show_table()
        self._keep(field, value)

    def _keep(self, field: Field, value: object) -> None:
        self._variants[self._at] = changed(field, self._variants[self._at], value)
        self._list.redraw()
        self.say("")

    async def _choose(self, field: Field) -> None:
        if field.name == "model":
            value = await self._choose_model()
        else:
            value = await self._choose_format()
        if value is not None:
            self._keep(field, value)

    async def _choose_model(self) -> str | None:
        from modechat.tui.screens.model_choice import ModelChoiceScreen

        path = await self.app.push_screen_wait(ModelChoiceScreen(self._session))
        return None if path is None else str(path)

    async def _choose_format(self) -> str | None:
        from modechat.tui.screens.format_picker import pick_format

        variant = self._variants[self._at]
        model = None
        if variant.model is None:
            model = self._session.model
        picked = await pick_format(
            self.app, self._session, variant.format, automatic="", model=model
        )
        return None if picked is None else picked.name

    def action_start(self) -> None:
        if self._edited is None:
            self.dismiss(tuple(self._variants))

    def action_close(self) -> None:
        if self._edited is not None:
            self._show_table()
            self.say("")
        else:
            super().action_close()


def _label(field: Field) -> Content:
    return Content(field.label)
