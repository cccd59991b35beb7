"""The choice of variants to compare: a ready-made set, or columns that the user fills."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from modechat.commands.comparing import (
    USUAL_COUNT,
    Preset,
    presets,
    same_formats,
    shown_question,
)
from modechat.session.variants import LEAST_VARIANTS, MOST_VARIANTS, Question, VariantSettings
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import HELP, Dialog
from modechat.tui.widgets.row_list import Column, RowList

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

Variants: TypeAlias = tuple[VariantSettings, ...]

_OWN = Preset("Columns of your own", "Choose models, formats, settings and system texts yourself.")
_MODELS = Preset(
    "Models", "The current model and another, which is loaded for the comparison only."
)


class CompareSetup(Dialog[Variants]):
    """Returns the variants, or None."""

    HEADING = "Compare"
    OPENED_BY = "compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(n), f"count({n})", show=False)
            for n in range(LEAST_VARIANTS, MOST_VARIANTS + 1)
        ),
        Binding("e", "edit", show=False),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Up, Down", "Choose what is different"),
        ("2, 3, 4", "Choose the number of columns"),
        ("Enter", "Ask them all"),
        ("E", "Change the columns first"),
    )

    def __init__(self, session: ChatSession, question: Question) -> None:
        super().__init__()
        self._session = session
        self._question = question
        self._count = USUAL_COUNT
        self._same: Collection[str] = ()
        self._asked = Static(classes="asked")
        self._about = Static(classes="about")
        self._list: RowList[Preset] = RowList(
            (
                Column("What is different", _name, width=19),
                Column("Columns", _columns),
            )
        )

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._asked
            yield self._list
            yield self._about

    def on_mount(self) -> None:
        self._asked.update(Content(shown_question(self._question)))
        self._show(0)
        self.run_worker(self._leave_out_same(), name="same formats")
        self._list.focus()
        self.show_hints("Enter asks", "e changes columns", "2 3 4 columns", "Esc closes", HELP)

    def _show(self, at: int | None) -> None:
        found = presets(self._session, self._question, self._count, self._same)
        self._list.show((*found, _MODELS, _OWN), at)

    async def _leave_out_same(self) -> None:
        """Leave out formats that make the same prompt as another, and so the same replies."""
        self._same = await same_formats(self._session, self._question)
        if self._same:
            self._show(self._list.highlighted)

    @on(RowList.Highlighted)
    def _highlighted(self) -> None:
        preset = self._list.row
        if preset is not None:
            self._about.update(Content(preset.about))

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        preset = self._list.row
        if preset is None:
            return
        if preset.variants:
            self.dismiss(preset.variants)
        elif preset is _MODELS:
            run_newest(self, self._choose_model)
        else:
            self.action_edit()

    async def _choose_model(self) -> None:
        from modechat.tui.screens.model_choice import ModelChoiceScreen

        path = await self.app.push_screen_wait(ModelChoiceScreen(self._session))
        if path is not None:
            self.dismiss((VariantSettings(), VariantSettings(model=str(path))))

    def action_count(self, count: int) -> None:
        self._count = count
        self._show(self._list.highlighted)

    def action_edit(self) -> None:
        """Let the user change the columns of the highlighted row before they are asked."""
        variants: Variants = (VariantSettings(),) * LEAST_VARIANTS
        preset = self._list.row
        if preset is not None and preset.variants:
            variants = preset.variants
        run_newest(self, self._edit, variants)

    async def _edit(self, variants: Variants) -> None:
        from modechat.tui.screens.compare_columns import CompareColumnsScreen

        edited = await self.app.push_screen_wait(CompareColumnsScreen(self._session, variants))
        if edited is not None:
            self.dismiss(edited)


def _name(preset: Preset) -> Content:
    return Content(preset.name)


def _columns(preset: Preset) -> Content:
    return Content.styled(preset.columns, "dim")
