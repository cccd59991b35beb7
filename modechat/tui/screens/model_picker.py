"""The model picker: it lists the models on this machine, and loads the chosen one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from modechat.commands.keys import key_name
from modechat.domain.text import in_one_line
from modechat.errors import ConfigError
from modechat.models.catalog import ModelFile, free_memory
from modechat.session.phase import Phase
from modechat.tui.model_columns import about_model, model_columns, shown_model
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.list_dialog import ListDialog
from modechat.tui.screens.model_search import ModelSearch, index_of

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession

_LOOKS_PER_SECOND = 10
_BAR = 20  # cells
_KEEP_KEY = "ctrl+s"


def _no_trouble() -> str:
    return ""


class ModelPicker(ListDialog[Path, ModelFile]):
    """Returns the path of the loaded model, or None."""

    HEADING = "Models"
    ENTER: ClassVar[str] = "Enter loads"
    """The hint for Enter on the lower border."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3", "close", show=False, priority=True),
        Binding(_KEEP_KEY, "keep", show=False, priority=True),
    ]
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only models with these words in their name, kind or place"),
        ("Up, Down, Page Up, Page Down", "Move in the list"),
        ("Enter", "Load the model and go on with it; the conversation stays"),
        (
            "Ctrl+S",
            "Have every start begin with it; else the model that was used last is used again",
        ),
    )

    def __init__(
        self,
        session: ChatSession,
        use: Callable[[str], Awaitable[Incomplete | None]],
        trouble: Callable[[], str] = _no_trouble,
    ) -> None:
        """List the models. `use` makes the session load the model with a path; it returns a reason
        if it cannot.

        `trouble` returns the last error as text.
        """
        self._free = free_memory()
        super().__init__(model_columns(self._is_current, self._free))
        self._session = session
        self._use = use
        self._trouble = trouble
        self._search = ModelSearch(session.settings.files.find_models)
        self._awaited: ModelFile | None = None
        """The chosen model until it is loaded."""
        self._is_asked_for = False
        """True once the session has taken the choice: its phase is that of the awaited model."""
        self._timer: Timer | None = None
        self._about = Static(classes="about")

    def compose_body(self) -> ComposeResult:
        yield self.list
        yield self._about

    def on_mount(self) -> None:
        super().on_mount()
        if not self._session.has_model:
            self.show_heading("Choose a model to begin")
        self.show_hints(*self.usual_hints(), "Esc closes", "type to filter", "F1 help")
        self._search.start()
        self._timer = self.set_interval(1 / _LOOKS_PER_SECOND, self._look)
        self._look()

    def usual_hints(self) -> tuple[str, ...]:
        return (self.ENTER, f"{key_name(_KEEP_KEY)} for every start")

    def on_unmount(self) -> None:
        self._search.cancel()

    # The list

    def _look(self) -> None:
        """Show newly found models and the progress of loading; pause when both have ended."""
        if self._search.poll():
            self._show_models()
        self.rows_changed()
        if self._awaited is None:
            self._show_count()
        elif self._is_asked_for:
            self._look_at_loading(self._awaited)
        if self._timer is not None and not self._search.is_running and self._awaited is None:
            self._timer.pause()

    def is_listed(self) -> bool:
        return not self._search.is_running or bool(self.list.rows)

    def _show_models(self) -> None:
        before = self.list.row
        shown = self._search.found(self.filter.value)
        at = 0
        if before is not None:
            at = index_of(shown, before.path)
        self.list.show(shown, at)

    def _show_count(self) -> None:
        self.say(self._search.describe(len(self.list.rows)))

    def filtered(self, text: str) -> None:  # noqa: ARG002
        self._show_models()
        if self._awaited is None:
            self._show_count()

    def highlighted(self, row: ModelFile | None) -> None:
        if row is None:
            self._about.update(Content(""))
        else:
            self._about.update(about_model(row, self._free))

    def _is_current(self, model: ModelFile) -> bool:
        return str(model.path) == self._session.settings.load.model_path

    async def action_keep(self) -> None:
        """Make every start begin with the highlighted model."""
        row = self.list.row
        if row is None or row.header is None:
            return
        try:
            await self._session.effective.set_defaults({"model": str(row.path)})
        except ConfigError as error:
            self.say(in_one_line(error.title, error.hint), is_trouble=True)
        else:
            self.say(f"Every start begins with {shown_model(row)} now.")

    # Loading

    def chosen(self, row: ModelFile) -> None:
        if row.header is None:
            self.say(row.problem, is_trouble=True)
        elif self._is_current(row) and self._session.phase is Phase.READY:
            self.dismiss(None)
        elif self._awaited is None:
            self._awaited, self._is_asked_for = row, False
            run_newest(self, self._load, row)

    async def _load(self, model: ModelFile) -> None:
        self.say(f"Loading {shown_model(model)} …")
        reason = await self._use(str(model.path))
        if reason is not None:
            self._awaited = None
            self.say(reason.reason, is_trouble=True)
            return
        self._is_asked_for = True
        if self._timer is not None:
            self._timer.resume()

    def _look_at_loading(self, model: ModelFile) -> None:
        match self._session.phase:
            case Phase.LOADING:
                fraction = self._session.loading
                done = round(_BAR * fraction)
                bar = "━" * done + "─" * (_BAR - done)
                self.say(f"Loading {shown_model(model)[:40]}  {bar} {fraction:.0%}")
                self.show_hints("Esc closes, loading goes on")
            case Phase.DOWN:
                self._awaited = None
                self.list.redraw()
                self.show_hints("Enter loads another", "Esc closes", "F1 help")
                self.say(self._trouble() or "It could not be loaded.", is_trouble=True)
            case _ if self._is_current(model):
                self.dismiss(model.path)
            case _:
                pass  # another model is loaded first
