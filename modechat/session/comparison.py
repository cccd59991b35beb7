"""One question, answered in two to four variants, of which one may be kept.

There is one engine with one model: the variants run one after the other, those of the model that is loaded first. In
the end the model of before is loaded again. Nothing of the conversation changes, and nothing reaches the disk, until a
reply is kept; as long as a comparison is open, nothing else changes the conversation either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from modechat.domain.conversation import (
    Reply,
    ReplyState,
    StopReason,
    Turn,
    clock_at,
    without_repetition,
)
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line
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
from modechat.errors import ModelError, StoreError
from modechat.session.events import FormatInUse, ReplyEnded, SessionEvent, Trouble, TurnAdded
from modechat.session.gate import Gate, command
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.running_reply import final_reply
from modechat.session.settings import generate_request
from modechat.session.temporary_models import TemporaryModels
from modechat.session.timeline import Timeline
from modechat.session.turn_commands import in_place_of
from modechat.session.variants import (
    LEAST_VARIANTS,
    MOST_VARIANTS,
    ComparisonClosed,
    ComparisonDone,
    Listener,
    Question,
    Stage,
    Variant,
    VariantChanged,
    VariantGrew,
    VariantSettings,
)

_FIRST_ID = -(1 << 40)
"""Of requests: turns have positive ids, summaries small negative ones."""
_STOPPED = Reply(state=ReplyState.STOPPED, stop_reason=StopReason.STOPPED)
_NOT_OPEN = Incomplete("There is no comparison.")


class Comparison:
    """`clock` is monotonic, in seconds."""

    def __init__(
        self,
        host: ModelHost,
        timeline: Timeline,
        models: TemporaryModels,
        gate: Gate,
        tell: Callable[[SessionEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._models = models
        self._gate = gate
        self._tell = tell
        self._clock = clock
        self._question: Question | None = None
        self._listener: Listener = lambda _event: None
        self._variants: list[Variant] = []
        self._running: int | None = None
        """The variant that the engine has."""
        self._request_id = _FIRST_ID
        self._first_text_at = 0.0

    @property
    def is_open(self) -> bool:
        """From its start until one reply is kept, or none."""
        return self._question is not None

    @property
    def is_running(self) -> bool:
        """Whether a variant waits or is written."""
        return any(variant.stage is not Stage.ENDED for variant in self._variants)

    @property
    def variants(self) -> tuple[Variant, ...]:
        return tuple(self._variants)

    # What the user does

    @command()
    async def start(
        self, question: Question, settings: Sequence[VariantSettings], listener: Listener
    ) -> Incomplete | None:
        """Ask the question in these variants; `listener` hears how they go. Why not, if nothing was asked."""
        if not LEAST_VARIANTS <= len(settings) <= MOST_VARIANTS:
            return Incomplete(f"{LEAST_VARIANTS} to {MOST_VARIANTS} variants can be compared.")
        if question.in_place_of is not None and self._place_of(question) is None:
            return Incomplete("That turn is not here any more.")
        try:
            await self._models.prepare(own.model for own in settings if own.model is not None)
        except ModelError as error:
            return Incomplete(in_one_line(error.title, error.hint))
        self._question, self._listener = question, listener
        self._variants = [Variant(own) for own in settings]
        await self._begin()
        return None

    @command(waits_for_reply=False)
    async def again(self, index: int) -> Incomplete | None:
        """Ask a variant once more that has ended."""
        if self._question is None:
            return _NOT_OPEN
        variant = self._variants[index]
        if variant.stage is not Stage.ENDED:
            return Incomplete("This one has not ended yet.")
        was_running = self.is_running
        self._change(index, Variant(variant.settings))
        if not was_running:
            await self._begin()
        return None

    def skip(self) -> None:
        """Stop what runs, and go on with the next one."""
        loading = next(
            (i for i, one in enumerate(self._variants) if one.stage is Stage.LOADING), None
        )
        if self._running is None and loading is not None:
            self._end(loading, _STOPPED)
            self._show_loading(self._host.fraction)
        self._stop_running()

    def stop(self) -> None:
        """Stop all of them; what has come is there to be kept."""
        for index, variant in enumerate(self._variants):
            if _is_unasked(variant):
                self._end(index, _STOPPED)
        self._stop_running()

    async def close(self) -> None:
        """Keep none. What runs is stopped, and the model of before comes back."""
        if self._question is None:
            return
        self._question = None
        self._listener(ComparisonClosed())
        self._listener = lambda _event: None
        self._stop_running()
        self._running = None
        self._variants = []
        if self._host.phase is not Phase.CLOSED:
            await self._models.bring_back()

    @command(waits_for_reply=False)
    async def keep(self, index: int) -> Incomplete | None:
        """Make a reply that of the conversation, and close. Raises StoreError; nothing has changed then."""
        question = self._question
        if question is None:
            return _NOT_OPEN
        variant = self._variants[index]
        if variant.stage is not Stage.ENDED:
            return Incomplete("This one has not ended yet.")
        if not variant.can_be_kept:
            return Incomplete("There is no reply here to keep.")
        request, old = variant.settings.request(question), self._place_of(question)
        if old is None:
            turn = await self._timeline.add_turn(question.typed, request)
        else:
            turn = await self._timeline.add_variant(old, request, question.typed)
        await self.close()
        await self._show(old, turn.with_reply(variant.reply))
        return None

    async def _show(self, old: Turn | None, turn: Turn) -> None:
        try:
            await self._timeline.save_reply(turn)
        except StoreError as error:  # it is saved when the disk takes it again
            self._tell(Trouble(error.title, error.hint))
        if old is None:
            self._tell(TurnAdded(turn))
        else:
            for event in in_place_of(old, turn, self._timeline.conversation):
                self._tell(event)
        if turn.reply.stats is not None:
            self._host.announce_refusal(turn.reply.stats)
        self._tell(ReplyEnded(turn))
        if self._host.model is not None:  # the next turn does not have the format of this one
            self._tell(FormatInUse(self._host.model))

    # What the engine says

    async def handle(self, event: Event) -> bool:
        """Handle an event; whether it was the comparison's alone."""
        if self._question is None:
            return False
        is_loading = self._host.phase is Phase.LOADING
        is_working = self._host.phase in (Phase.GENERATING, Phase.STOPPING)
        match event:
            case LoadProgress(fraction=fraction):
                self._show_loading(fraction)
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
                self._running is None and is_working
            ):
                await self._go_on()  # what was stopped before this comparison began
            case _:
                return False
        return True

    async def _handle_of_running(
        self, event: PromptProgress | Delta | Finished | Cancelled | Failed
    ) -> None:
        index = self._running
        assert index is not None
        match event:
            case PromptProgress() if event.total > event.reused:
                fraction = (event.evaluated - event.reused) / (event.total - event.reused)
                self._change(index, replace(self._variants[index], fraction=fraction))
            case Delta():
                self._grow(index, event)
            case Finished():
                await self._ended(final_reply(event, self._models.info))
            case Cancelled():
                await self._ended(_STOPPED)
            case Failed():
                await self._ended(Reply(state=ReplyState.FAILED, error=str(event.as_error())))
            case _:
                pass

    def _grow(self, index: int, delta: Delta) -> None:
        variant, now = self._variants[index], self._clock()
        if variant.stage is Stage.READING:
            self._first_text_at = now
        come = variant.reply
        reply = replace(
            come,
            state=ReplyState.STREAMING,
            text=come.text + ("" if delta.is_thinking else delta.text),
            thinking=come.thinking + (delta.text if delta.is_thinking else ""),
        )
        self._variants[index] = variant = replace(
            variant,
            stage=Stage.WRITING,
            reply=reply,
            n_tokens=max(delta.completion_tokens, variant.n_tokens),
            seconds=now - self._first_text_at,
        )
        self._listener(VariantGrew(index, variant, delta.text, delta.is_thinking))

    async def _ended(self, result: Reply) -> None:
        """The engine is done with the variant that it had."""
        index, self._running = self._running, None
        if index is not None:
            self._end(index, result)
        await self._go_on()

    async def _loading_failed(self, failed: Failed) -> None:
        """The model that was to be loaded cannot be: none of its variants can be asked."""
        self._models.failed(failed)
        error = str(failed.as_error())
        for index in self._unasked(self._models.path):
            self._end(index, Reply(state=ReplyState.FAILED, error=error))
        await self._go_on()

    # One after the other

    async def _begin(self) -> None:
        self._models.begin()
        if self._host.phase is Phase.READY or not self._models.is_there:
            await self._go_on()
        else:  # it goes on when the model is loaded, or the engine free
            self._show_loading(self._host.fraction)

    async def _go_on(self) -> None:
        """Ask the next one, or have its model loaded. If there is none left, the model of before comes back."""
        models = self._models
        if models.is_there and self._host.phase is not Phase.READY:
            self._host.enter(Phase.READY)
        here = self._unasked(models.path)
        waiting = (
            here
            or self._unasked(None)
            or [i for i, one in enumerate(self._variants) if _is_unasked(one)]
        )
        if not waiting:
            self._listener(ComparisonDone())
            await models.bring_back()
        elif here and models.is_there:
            self._ask(here[0])
        else:
            await self._load(self._variants[waiting[0]].settings.model)

    async def _load(self, path: str | None) -> None:
        waiting = self._unasked(path)[0]
        self._change(waiting, replace(self._variants[waiting], stage=Stage.LOADING, fraction=0.0))
        if failed := await self._models.load(path):
            await self._loading_failed(failed)

    def _ask(self, index: int) -> None:
        question, conversation = self._question, self._timeline.conversation
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
        self._running = index
        self._change(index, replace(self._variants[index], stage=Stage.READING, fraction=0.0))
        self._host.enter(Phase.GENERATING)
        self._host.send(settings.applied_to(request))

    # Small things

    def _unasked(self, model: str | None) -> list[int]:
        """The variants of a model that wait."""
        return [
            i
            for i, one in enumerate(self._variants)
            if _is_unasked(one) and one.settings.model == model
        ]

    def _place_of(self, question: Question) -> Turn | None:
        return self._timeline.turn(question.in_place_of)

    def _history(self, question: Question) -> tuple[Turn, ...]:
        old, turns = self._place_of(question), self._timeline.turns
        return turns if old is None else turns[: turns.index(old)]

    def _is_about_running(self, request_id: int | None) -> bool:
        return self._running is not None and request_id == self._request_id

    def _stop_running(self) -> None:
        if self._running is not None and self._host.phase is Phase.GENERATING:
            self._host.enter(Phase.STOPPING)
            self._host.send(Stop(id=self._request_id))

    def _show_loading(self, fraction: float) -> None:
        """The model of the next variant is being loaded."""
        if unasked := self._unasked(self._models.path):
            self._change(
                unasked[0],
                replace(self._variants[unasked[0]], stage=Stage.LOADING, fraction=fraction),
            )

    def _end(self, index: int, result: Reply) -> None:
        come = self._variants[index].reply
        reply = without_repetition(
            replace(result, text=come.text.rstrip(), thinking=come.thinking.rstrip())
        )
        self._change(index, replace(self._variants[index], stage=Stage.ENDED, reply=reply))

    def _change(self, index: int, variant: Variant) -> None:
        self._variants[index] = variant
        self._listener(VariantChanged(index, variant))


def _is_unasked(variant: Variant) -> bool:
    return variant.stage in (Stage.WAITING, Stage.LOADING)
