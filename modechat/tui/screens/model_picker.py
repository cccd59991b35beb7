"""The model picker: it lists the models on this machine, and loads the chosen one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from modechat.commands.keys import key_name
from modechat.domain.text import in_one_line
from modechat.errors import ConfigError
from modechat.models.catalog import ModelFile
from modechat.session.phase import Phase
from modechat.tui.model_columns import shown_model
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.model_list import SECONDS_BETWEEN_LOOKS, ModelList

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession

_BAR = 20  # cells
_KEEP_KEY = "ctrl+s"


class ModelPicker(ModelList):
    """Returns the path of the loaded model, or None."""

    HEADING = "Models"
    HINTS = ("Enter loads", f"{key_name(_KEEP_KEY)} for every start")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(_KEEP_KEY, "keep", show=False, priority=True),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        *ModelList.KEYS,
        ("Enter", "Load the model and go on with it; the conversation stays"),
        ("Ctrl+S", "Use it at every start, in place of the model that was used last"),
    )

    def __init__(
        self,
        session: ChatSession,
        use: Callable[[str], Awaitable[Incomplete | None]],
        trouble: Callable[[], str],
    ) -> None:
        """List the models. `use` makes the session load the model with a path; it returns a reason
        if it cannot.

        `trouble` returns the last error as text.
        """
        super().__init__(session)
        self._use = use
        self._trouble = trouble
        self._awaited: ModelFile | None = None
        """The chosen model until it is loaded."""
        if not session.has_model:
            self.show_heading("Choose a model to begin")

    def show_count(self) -> None:
        if self._awaited is None:
            super().show_count()

    async def action_keep(self) -> None:
        """Make every start begin with the highlighted model."""
        row = self.list.row
        if row is None or row.header is None:
            return
        try:
            await self.session.effective.set_defaults({"model": str(row.path)})
        except ConfigError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
        else:
            self.say(f"Every start begins with {shown_model(row)} now.")

    def use(self, model: ModelFile) -> None:
        if self.is_current_model(model) and self.session.phase is Phase.READY:
            self.dismiss(None)
        elif self._awaited is None:
            self._awaited = model
            run_newest(self, self._load, model)

    async def _load(self, model: ModelFile) -> None:
        self.say(f"Loading {shown_model(model)} …")
        reason = await self._use(str(model.path))
        if reason is not None:
            self._awaited = None
            self.say(reason.reason, is_trouble=True)
            return
        while self._awaited is not None:
            self._look_at_loading(model)
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    def _look_at_loading(self, model: ModelFile) -> None:
        match self.session.phase:
            case Phase.LOADING:
                fraction = self.session.loading
                done = round(_BAR * fraction)
                bar = "━" * done + "─" * (_BAR - done)
                self.say(f"Loading {shown_model(model)[:40]}  {bar} {fraction:.0%}")
                self.show_hints("Esc closes, loading goes on")
            case Phase.DOWN:
                self._awaited = None
                self.list.redraw()
                self.show_hints("Enter loads another", "Esc closes", HELP)
                self.say(self._trouble() or "It could not be loaded.", is_trouble=True)
            case _ if self.is_current_model(model):
                self._awaited = None
                self.dismiss(model.path)
            case _:
                pass  # another model is loaded first
