"""The model behind a session: its loading, its prompt format, and prompts for inspection.

Owns the engine and the phase, and ends the engine after a time without requests. `replies` and
`recovery` decide what runs on the engine, and what follows from a failure.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from itertools import count

from modechat.domain.conversation import ReplyStats
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import (
    Adapter,
    AdaptersChanged,
    Cause,
    ChatPrompt,
    Engine,
    Event,
    Failed,
    FormatChanged,
    Generate,
    Inspected,
    InstructPrompt,
    Loaded,
    LoadProgress,
    ModelInfo,
    Recovered,
    SaveLanes,
    Shutdown,
    Stop,
    UseFormat,
)
from modechat.errors import AdapterError, EngineError, ModelError
from modechat.session.adapters import AdapterChanges
from modechat.session.chosen_model import ChosenModel
from modechat.session.events import (
    AdaptersInUse,
    FormatInUse,
    ModelLoading,
    ModelReady,
    PhaseChanged,
    Remark,
    SessionEvent,
    Trouble,
)
from modechat.session.gate import NOT_LOADED
from modechat.session.inspections import Inspections
from modechat.session.model_changes import note_on_change
from modechat.session.phase import Phase, check_transition
from modechat.session.settings import SessionSettings


class ModelHost(ChosenModel):
    """The chosen model and its engine. `tell` is called with the session events about the model."""

    def __init__(
        self, engine: Engine, settings: SessionSettings, tell: Callable[[SessionEvent], None]
    ) -> None:
        super().__init__(settings)
        self._engine = engine
        self._attempts = count(1)
        self._attempt = 0
        self._idle: asyncio.TimerHandle | None = None
        self._tell = tell
        self._phase = Phase.LOADING
        self._inspections = Inspections(engine)
        self._announced_fallbacks: set[str] = set()
        self._adapter_changes = AdapterChanges(engine)
        self.fraction = 0.0
        """The share of the model that is loaded, 0 to 1, during loading."""

    @property
    def phase(self) -> Phase:
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Change the phase. Raises ValueError for a transition that the table does not have."""
        check_transition(self._phase, phase)
        self._phase = phase
        if phase in (Phase.LOADING, Phase.DOWN, Phase.UNLOADED, Phase.CLOSED):
            self._adapter_changes.give_up()
        self._wait_for_idleness()
        self._tell(PhaseChanged(phase))

    def announce_refusal(self, stats: ReplyStats) -> None:
        """Say, once for each reason, why a turn was not written in the model's own format."""
        if stats.refusal and stats.fallback not in self._announced_fallbacks:
            self._announced_fallbacks.add(stats.fallback)
            title = "The model's chat template does not take this conversation"
            self._tell(Trouble(title, f"It was written as {stats.fallback}."))

    async def load(self) -> Failed | None:
        """Have the model loaded, or return the failure if its file cannot be used."""
        attempt = self._attempt = next(self._attempts)
        self.fraction = 0.0
        try:
            header = await self.reads.read(self._wanted.files.check_model)
        except ModelError as error:
            if self.reads.is_over:
                return None
            cause = Cause.ADAPTER if isinstance(error, AdapterError) else Cause.OTHER
            return Failed(
                id=None, load=attempt, kind="model", cause=cause, title=error.title, hint=error.hint
            )
        if attempt == self._attempt:  # otherwise another model was chosen meanwhile
            self.header = header
            # An engine that was closed meanwhile ignores the request.
            self._engine.send(self._load.model_copy(update={"number": attempt}))
        return None

    def choose(self, settings: SessionSettings) -> None:
        """Choose the model of these settings in place of the current one."""
        super().choose(settings)
        self._announced_fallbacks.clear()

    async def restart(self) -> Failed | None:
        """Start the engine again, and load the model."""
        self._inspections.give_up("The engine is starting again.")
        self.enter(Phase.LOADING)
        self._engine.start()
        return await self.load()

    def loaded(self, model: ModelInfo) -> bool:
        """Record the loaded model. Return True if a change of model was announced."""
        before, self._replaced, self.model = self._replaced, None, model
        self._tell(ModelReady(model))
        self._remember()
        if before is not None:
            self._tell(Remark(note_on_change(before, model)))
        if self._left_behind:
            self._tell(Remark(self._left_behind))
            self._left_behind = ""
        self._tell(AdaptersInUse(self.adapters))
        return before is not None

    async def change(self) -> Failed | None:
        """Load the chosen model, in the running engine if there is one."""
        if self._phase is not Phase.READY:
            return await self.restart()
        self._inspections.give_up("Another model is being loaded.")
        self.save_lanes()
        self.enter(Phase.LOADING)
        return await self.load()

    def save_lanes(self) -> None:
        """Have the evaluated tokens stored on disk before the conversation or the model is left."""
        if self._phase in (Phase.READY, Phase.STOPPING):
            self._engine.send(SaveLanes())

    def unload(self) -> None:
        """End the engine, to free its memory. It stores the evaluated tokens first."""
        self.enter(Phase.UNLOADED)
        self._engine.send(Shutdown())

    def send(self, request: Generate | Stop) -> None:
        self._engine.send(request)

    def use_format(self, name: str | None) -> None:
        """Use this format from now on, also after a restart."""
        self._load = self._load.model_copy(update={"format": name})
        if self.model is not None and self._phase is not Phase.UNLOADED:
            self._engine.send(UseFormat(format=name))

    async def use_adapters(self, adapters: tuple[Adapter, ...]) -> AdaptersChanged:
        """Apply these adapters now, or once a model is loaded.

        With an error nothing has changed.
        """
        if self._phase in (Phase.DOWN, Phase.UNLOADED):
            self._keep_adapters(adapters)
            return AdaptersChanged(adapters=adapters)
        return await self._adapter_changes.ask(adapters)

    def _keep_adapters(self, adapters: tuple[Adapter, ...]) -> None:
        self._load = self._load.model_copy(update={"adapters": adapters})
        load = self._wanted.load.model_copy(update={"adapters": adapters})
        self._wanted = replace(self._wanted, load=load)
        self._tell(AdaptersInUse(adapters))

    async def inspect(
        self,
        prompt: ChatPrompt | InstructPrompt,
        now: str | None = None,
        thinking: bool | None = None,
        format: str | None = None,
    ) -> PromptView:
        """Return the prompt as the model would get it, in `format` if given. Raises EngineError."""
        if self.model is None:
            raise EngineError(NOT_LOADED.reason.rstrip("."))
        if self._phase is Phase.UNLOADED:
            raise EngineError("The model is unloaded: the next message loads it again")
        self._wait_for_idleness()
        return await self._inspections.ask(prompt, now, thinking, format)

    def is_outdated(self, event: Event) -> bool:
        """Return True for an event about a load that another one has replaced."""
        match event:
            case Loaded(load=number) | LoadProgress(load=number):
                return number != self._attempt
            case Failed(load=int(number)):
                return number != self._attempt
            case _:
                return False

    def handle(self, event: Event) -> bool:
        """Handle an event that concerns only the model; return False for any other event."""
        match event:
            case LoadProgress(fraction=fraction):
                self.fraction = fraction
                self._tell(ModelLoading(fraction))
            case Recovered(text=text):
                self._tell(Remark(text))
            case FormatChanged(model=model):
                self.model = model
                self._tell(FormatInUse(model))
            case AdaptersChanged():
                if not event.error:
                    self._keep_adapters(event.adapters)
                self._adapter_changes.handle(event)
            case Inspected():
                self._inspections.handle(event)
            case _:
                return False
        return True

    def go_down(self) -> None:
        """Record that there is no engine until the user wants it again."""
        self.model = None
        self._inspections.give_up("The engine is gone.")
        self.enter(Phase.DOWN)

    async def close(self) -> None:
        self._inspections.give_up("modechat is closing.")
        self.enter(Phase.CLOSED)
        await self._engine.close()

    def _wait_for_idleness(self) -> None:
        """Restart the idle timer, or stop it if something runs."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        seconds = self._wanted.unload_after
        if self._phase is Phase.READY and seconds is not None:
            self._idle = asyncio.get_running_loop().call_later(seconds, self._unload_if_idle)

    def _unload_if_idle(self) -> None:
        if self._inspections.is_waiting:
            self._wait_for_idleness()
        else:
            self.unload()
