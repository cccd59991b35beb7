"""The model picker: the models on this machine, found while one looks; choosing one loads it, with its progress."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from modechat.commands.keys import key_name
from modechat.domain.text import in_one_line
from modechat.errors import ConfigError
from modechat.models.catalog import CURRENT, RECENT, STARTER, Looking, ModelFile, free_memory
from modechat.session.phase import Phase
from modechat.tui.model_columns import about_model, model_columns, shown_model
from modechat.tui.screens.list_dialog import ListDialog, matches

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession

    Search: TypeAlias = Callable[[Callable[[], bool]], Iterator[ModelFile | Looking]]

_LOOKS_PER_SECOND = 10
_BAR = 20  # cells
_KEEP_KEY = "ctrl+s"


class ModelPicker(ListDialog[Path, ModelFile]):
    """Returns the model that was loaded, or None."""

    HEADING = "Models"
    ENTER: ClassVar[str] = "Enter loads"
    """What Enter does, for the lower border."""
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
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        """`use` has the session load a model, and says why not; `trouble` is the last thing that went wrong."""
        self._free = free_memory()
        super().__init__(model_columns(self._is_current, self._free))
        self._session = session
        self._use = use
        self._trouble = trouble
        self._search: Search = session.settings.files.find_models
        self._cancelled = threading.Event()
        self._found: deque[ModelFile | Looking | None] = deque()
        self._models: list[ModelFile] = []
        self._looking: str | None = ""
        self._places: list[str] = []
        self._awaited: ModelFile | None = None
        self._is_asked_for = False
        """The session has taken the choice: its phase is that of the awaited model."""
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
        # A thread of its own: one that hangs in a network folder must not keep the program from ending.
        threading.Thread(target=self._look_for_models, name="models", daemon=True).start()
        self._timer = self.set_interval(1 / _LOOKS_PER_SECOND, self._look)
        self._look()

    def usual_hints(self) -> tuple[str, ...]:
        return (self.ENTER, f"{key_name(_KEEP_KEY)} for every start")

    def on_unmount(self) -> None:
        self._cancelled.set()

    # The search

    def _look_for_models(self) -> None:
        try:
            for found in self._search(self._cancelled.is_set):
                self._found.append(found)
        finally:
            self._found.append(None)

    def _look(self) -> None:
        """Take what was found meanwhile, and see how loading goes; until neither is going on."""
        news = False
        while self._found:
            match self._found.popleft():
                case Looking(place=place):
                    self._looking = place
                    if place not in self._places:
                        self._places.append(place)
                case ModelFile() as model:
                    self._models.append(model)
                    news = True
                case None:
                    self._looking = None
        if news:
            self._show_models()
        self.rows_changed()
        if self._awaited is None:
            self._say_count()
        elif self._is_asked_for:
            self._look_at_loading(self._awaited)
        if self._timer is not None and self._looking is None and self._awaited is None:
            self._timer.pause()

    def is_listed(self) -> bool:
        return self._looking is None or bool(self.list.rows)

    def _show_models(self) -> None:
        before = self.list.row
        words = self.filter.value
        shown = [model for model in self._models if matches(words, *_texts(model))]
        # What is known comes first, in the order of its use; then by name; what is broken at the end.
        shown.sort(key=lambda model: (model.header is None, _order(model)))
        at = next(
            (
                index
                for index, model in enumerate(shown)
                if before is not None and model.path == before.path
            ),
            0,
        )
        self.list.show(shown, 0 if words and before is None else at)

    def _say_count(self) -> None:
        usable = sum(model.header is not None for model in self._models)
        broken = len(self._models) - usable
        count = f"{usable} model{'' if usable == 1 else 's'}"
        if broken:
            count += f", and {broken} file{'' if broken == 1 else 's'} that cannot be used"
        if self._looking is not None:
            self.say(
                f"Looking in {self._looking} … {count}" if self._looking else "Looking for models …"
            )
        elif self._models and not self.list.rows:
            self.say(f"None of {count} has these words.")
        elif usable <= 1 and self._places:
            found = count if self._models else "No model was found"
            self.say(
                f"{found}. Looked in: {', '.join(self._places)}. "
                "To have more here, put GGUF files into ~/models, or name their folder in model_folders."
            )
        else:
            self.say(count if self._models else "No model was found.")

    def filtered(self, text: str) -> None:  # noqa: ARG002
        self._show_models()
        if self._awaited is None:
            self._say_count()

    def highlighted(self, row: ModelFile | None) -> None:
        self._about.update(about_model(row, self._free) if row is not None else Content(""))

    def _is_current(self, model: ModelFile) -> bool:
        return str(model.path) == self._session.settings.load.model_path

    async def action_keep(self) -> None:
        """Have every start begin with the highlighted model."""
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
            self.run_worker(self._load(row), group="load", exclusive=True)

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
                pass  # it is not its turn yet


def _texts(model: ModelFile) -> tuple[str, ...]:
    header = model.header
    kind = (
        (header.architecture, header.quantization or "", header.name or "")
        if header is not None
        else ()
    )
    return (model.name, model.place, *kind)


def _order(model: ModelFile) -> tuple[bool, str]:
    is_known = model.place in (CURRENT, RECENT, STARTER)
    return (not is_known, "" if is_known else model.name.casefold())
