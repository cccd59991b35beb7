"""Asks the variants of a comparison one after the other, those of the loaded model first."""

from __future__ import annotations

from datetime import UTC, datetime

from modechat.domain.conversation import Reply, ReplyState, Turn, clock_at
from modechat.domain.key_names import usual_keys
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Event,
    Failed,
    Finished,
    Loaded,
    LoadProgress,
    PromptProgress,
    Stop,
)
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.running_reply import final_reply
from modechat.session.settings import generate_request
from modechat.session.temporary_models import TemporaryModels
from modechat.session.timeline import Timeline
from modechat.session.variant_list import STOPPED, VariantList
from modechat.session.variants import ComparisonDone, Question, Stage

_FIRST_ID = -(1 << 40)
"""Request ids: turns have positive ids, summaries small negative ones."""


class VariantRun:
    """Has the engine answer `question` in every variant that waits."""

    def __init__(
        self, host: ModelHost, timeline: Timeline, models: TemporaryModels, variants: VariantList
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._models = models
        self._variants = variants
        self._request_id = _FIRST_ID
        self.question: Question | None = None
        """The question; None: no comparison is open."""
        self.running: int | None = None
        """The index of the variant that the engine answers."""

    async def handle(self, event: Event) -> bool:
        """Handle an event; return False if other parts must handle it too."""
        if self.question is None:
            return False
        is_loading = self._host.phase is Phase.LOADING
        is_working = self._host.phase in (Phase.GENERATING, Phase.STOPPING)
        match event:
            case LoadProgress(fraction=fraction):
                self.show_loading(fraction)
                return self._models.path is not None
            case Loaded(model=model) if is_loading:
                self._models.loaded(model)
                await self._go_on()
            case Failed(died=True) | Failed(id=None) if is_loading:
                await self._loading_failed(event)
            case Failed(died=True) if is_working or self._host.phase is Phase.READY:
                self._models.died()
                await self._ended(Reply(state=ReplyState.INTERRUPTED, error=event.title))
            case PromptProgress() | Delta() | Finished() | Cancelled() | Failed() if (
                self._is_about_running(event.id)
            ):
                await self._handle_of_running(event)
            case Finished() | Cancelled() | Failed(died=False) if (
                self.running is None and is_working
            ):
                await self._go_on()  # the engine ended work from before this comparison
            case _:
                return False
        return True

    async def _handle_of_running(
        self, event: PromptProgress | Delta | Finished | Cancelled | Failed
    ) -> None:
        index = self.running
        assert index is not None
        match event:
            case PromptProgress():
                self._variants.show_read(index, event.fraction)
            case Delta():
                self._variants.grow(index, event)
            case Finished():
                await self._ended(final_reply(event, self._models.info))
            case Cancelled():
                await self._ended(STOPPED)
            case Failed():
                await self._ended(
                    Reply(state=ReplyState.FAILED, error=usual_keys(str(event.as_error())))
                )

    async def _ended(self, result: Reply) -> None:
        """End the running variant, because the engine is done with it."""
        index, self.running = self.running, None
        if index is not None:
            self._variants.end(index, result)
        await self._go_on()

    async def _loading_failed(self, failed: Failed) -> None:
        """Fail all variants of a model that cannot be loaded."""
        self._models.failed(failed)
        error = usual_keys(str(failed.as_error()))
        for index in self._variants.unasked_of(self._models.path):
            self._variants.end(index, Reply(state=ReplyState.FAILED, error=error))
        await self._go_on()

    # One after the other

    async def begin(self) -> None:
        self._models.begin()
        if self._host.phase is Phase.READY or not self._models.is_there:
            await self._go_on()
        else:  # goes on when the model is loaded or the engine is free
            self.show_loading(self._host.fraction)

    async def _go_on(self) -> None:
        """Ask the next variant, or have its model loaded.

        If none is left, bring the session's own model back.
        """
        models = self._models
        if models.is_there and self._host.phase is not Phase.READY:
            self._host.enter(Phase.READY)
        here = self._variants.unasked_of(models.path)
        waiting = here or self._variants.unasked_of(None) or self._variants.unasked()
        if not waiting:
            self._variants.listener(ComparisonDone())
            await models.bring_back()
        elif here and models.is_there:
            self._ask(here[0])
        else:
            await self._load(self._variants[waiting[0]].settings.model)

    async def _load(self, path: str | None) -> None:
        self._variants.show_stage(self._variants.unasked_of(path)[0], Stage.LOADING)
        if failed := await self._models.load(path):
            await self._loading_failed(failed)

    def _ask(self, index: int) -> None:
        question, conversation = self.question, self._timeline.conversation
        assert question is not None
        settings = self._variants[index].settings
        request = generate_request(
            self._request_id - 1,
            settings.request(question),
            self._history(question),
            settings.over(self._models.settings),
            clock_at(datetime.now(UTC), conversation),
            cut=conversation.cut if conversation is not None else None,
        )
        self._request_id = request.id
        self.running = index
        self._variants.show_stage(index, Stage.READING)
        self._host.enter(Phase.GENERATING)
        self._host.send(settings.applied_to(request))

    # Small things

    def place_of(self, question: Question) -> Turn | None:
        return self._timeline.turn(question.in_place_of)

    def _history(self, question: Question) -> tuple[Turn, ...]:
        old, turns = self.place_of(question), self._timeline.turns
        return turns if old is None else turns[: turns.index(old)]

    def _is_about_running(self, request_id: int | None) -> bool:
        return self.running is not None and request_id == self._request_id

    def stop_running(self) -> None:
        if self.running is not None and self._host.phase is Phase.GENERATING:
            self._host.enter(Phase.STOPPING)
            self._host.send(Stop(id=self._request_id))

    def show_loading(self, fraction: float) -> None:
        """Show that the model of the next variant is being loaded."""
        if unasked := self._variants.unasked_of(self._models.path):
            self._variants.show_stage(unasked[0], Stage.LOADING, fraction)
