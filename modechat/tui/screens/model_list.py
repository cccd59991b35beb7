"""The list of the models on this machine, the base of the screens that load or choose one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from modechat.models.catalog import ModelFile, free_memory
from modechat.tui.model_columns import about_model, model_columns
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.list_dialog import ListDialog, index_of
from modechat.tui.screens.model_search import ModelSearch

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

SECONDS_BETWEEN_LOOKS = 0.1


class ModelList(ListDialog[Path, ModelFile]):
    """Returns the path of a model, or None. Subclasses act on the chosen model (`use`)."""

    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only models with these words in their name, kind or place"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
    )
    OPENED_BY = "choose_model"
    HINTS: ClassVar[tuple[str, ...]] = ()
    """The first hints on the lower border."""

    def __init__(self, session: ChatSession) -> None:
        self._free = free_memory()
        super().__init__(model_columns(self.is_current_model, self._free))
        self.session = session
        self._search = ModelSearch(session.settings.files.find_models)
        self._looking: Timer | None = None
        self._is_told = False
        """True while the line below the list has a message in place of the count."""
        self._about = Static(classes="about")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        self.show_hints(*self.HINTS, "Esc closes", "type to filter", HELP)
        self._search.start()
        self._looking = self.set_interval(SECONDS_BETWEEN_LOOKS, self._look)
        self._look()

    def on_unmount(self) -> None:
        self._search.cancel()

    def use(self, model: ModelFile) -> None:
        """Handle the choice of a usable model."""
        raise NotImplementedError

    def chosen(self, row: ModelFile) -> None:
        if row.header is None:
            self.say(row.problem, is_trouble=True)
        else:
            self.use(row)

    def is_current_model(self, model: ModelFile) -> bool:
        return str(model.path) == self.session.settings.load.model_path

    # The list

    def _look(self) -> None:
        """Show newly found models, until the search has ended."""
        if self._search.poll():
            self._show_models()
        self.rows_changed()
        if not self._is_told:
            self.show_count()
        if self._looking is not None and not self._search.is_running:
            self._looking.stop()

    def is_listed(self) -> bool:
        return not self._search.is_running or bool(self.list.rows)

    def _show_models(self) -> None:
        before = self.list.row
        shown = self._search.found(self.filter.value)
        self.list.show(shown, index_of(before and before.path, [model.path for model in shown]))

    def say(self, text: str, *, is_trouble: bool = False) -> None:
        """Show a message in place of the count, until the filter changes."""
        self._is_told = True
        super().say(text, is_trouble=is_trouble)

    def show_count(self) -> None:
        """Say how many models were found, in place of a message."""
        self._is_told = False
        super().say(self._search.describe(len(self.list.rows)))

    def filtered(self, text: str) -> None:  # noqa: ARG002
        self._show_models()
        self.show_count()

    def highlighted(self, row: ModelFile | None) -> None:
        if row is None:
            self._about.update(Content(""))
        else:
            self._about.update(about_model(row, self._free))
