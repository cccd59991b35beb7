"""The model behind a session: where its loading stands, which prompt format it uses, and prompts to
look at.

Owns the engine and the phase, and ends the engine when nothing was asked of it for a while. What
runs on it, and what a failure means for that, is the business of `replies` and `recovery`.
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
from modechat.session.inspections import Inspections
from modechat.session.model_changes import note_on_change
from modechat.session.phase import Phase, check_transition
from modechat.session.settings import SessionSettings


class ModelHost(ChosenModel):
    """`tell` is called with the session events that concern the model."""

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
        """How much of the model is loaded, while it is."""

    @property
    def phase(self) -> Phase:
        return self._phase

    def enter(self, phase: Phase) -> None:
        """Raises ValueError for a transition that the table of phases does not have."""
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
        """Have the model loaded; why it cannot be, if its file shows that already."""
        attempt = self._attempt = next(self._attempts)
        self.fraction = 0.0
        try:
            header = await asyncio.to_thread(self._wanted.files.check_model)
        except ModelError as error:
            cause = Cause.ADAPTER if isinstance(error, AdapterError) else Cause.OTHER
            return Failed(
                id=None, load=attempt, kind="model", cause=cause, title=error.title, hint=error.hint
            )
        if attempt == self._attempt:  # else another model was chosen meanwhile
            self.header = header
            # An engine that was closed meanwhile ignores it.
            self._engine.send(self._load.model_copy(update={"number": attempt}))
        return None

    def choose(self, settings: SessionSettings) -> None:
        """The model of these settings is to be loaded, in place of the one so far."""
        super().choose(settings)
        self._announced_fallbacks.clear()

    async def restart(self) -> Failed | None:
        """Start the engine again, and load."""
        self._inspections.give_up("The engine is starting again.")
        self.enter(Phase.LOADING)
        self._engine.start()
        return await self.load()

    def loaded(self, model: ModelInfo) -> bool:
        """The engine has loaded the model. Whether that it is another one was told."""
        before, self._replaced, self.model = self._replaced, None, model
        self._tell(ModelReady(model))
        asyncio.get_running_loop().run_in_executor(None, self._wanted.files.remember_model)
        if before is not None:
            self._tell(Remark(note_on_change(before, model)))
        if self._left_behind:
            self._tell(Remark(self._left_behind))
            self._left_behind = ""
        self._tell(AdaptersInUse(self.adapters))
        return before is not None

    async def change(self) -> Failed | None:
        """Load the model that was chosen, by the engine that runs, if one does."""
        if self._phase is not Phase.READY:
            return await self.restart()
        self._inspections.give_up("Another model is being loaded.")
        self.save_lanes()
        self.enter(Phase.LOADING)
        return await self.load()

    def save_lanes(self) -> None:
        """Have what was evaluated kept on disk: the conversation, or the model, is left."""
        if self._phase in (Phase.READY, Phase.STOPPING):
            self._engine.send(SaveLanes())

    def unload(self) -> None:
        """End the engine, which keeps what it evaluated: the system has its memory back."""
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
        """Apply these from now on, or once a model is loaded. With an error nothing has changed."""
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
        """The prompt as the model would get it, in `format` if it is given. Raises EngineError."""
        if self.model is None:
            raise EngineError("The model is not loaded yet")
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
        """Handle an event that concerns the model alone; whether it was one."""
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
        """There is no engine now, until the user wants it again."""
        self.model = None
        self._inspections.give_up("The engine is gone.")
        self.enter(Phase.DOWN)

    async def close(self) -> None:
        self._inspections.give_up("modechat is closing.")
        self.enter(Phase.CLOSED)
        await self._engine.close()

    def _wait_for_idleness(self) -> None:
        """Count the time without a request from now, if nothing runs."""
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
