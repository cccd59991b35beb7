"""Compares two to four variants of the reply to one question, of which the user may keep one.

One engine runs one model, so the variants run one after the other, those of the loaded model first.
At the end the session's own model is loaded again. The conversation and the disk stay unchanged
until a reply is kept. While a comparison is open, nothing else changes the conversation either.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modechat.domain.conversation import (
    Turn,
)
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line
from modechat.engine.protocol import (
    Event,
)
from modechat.errors import ModelError, StoreError
from modechat.session.events import FormatInUse, ReplyEnded, SessionEvent, Trouble, TurnAdded
from modechat.session.gate import GONE, Gate, command
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.temporary_models import TemporaryModels
from modechat.session.timeline import Timeline
from modechat.session.turn_commands import in_place_of
from modechat.session.variant_list import STOPPED, VariantList, nobody
from modechat.session.variant_run import VariantRun
from modechat.session.variants import (
    LEAST_VARIANTS,
    MOST_VARIANTS,
    ComparisonClosed,
    Listener,
    Question,
    Stage,
    Variant,
    VariantSettings,
)

_NOT_OPEN = Incomplete("There is no comparison.")


class Comparison:
    """The comparison of one session. `clock` is monotonic, in seconds."""

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
        self._variants = VariantList(clock)
        self._run = VariantRun(host, timeline, models, self._variants)

    @property
    def is_open(self) -> bool:
        """True from the start until one reply is kept or the comparison is closed."""
        return self._run.question is not None

    @property
    def is_running(self) -> bool:
        """True while a variant waits or is written."""
        return self._variants.is_running

    @property
    def variants(self) -> tuple[Variant, ...]:
        return self._variants.all

    # What the user does

    @command()
    async def start(
        self, question: Question, settings: Sequence[VariantSettings], listener: Listener
    ) -> Incomplete | None:
        """Ask the question in these variants, and send their events to `listener`.

        Return the reason if nothing was asked.
        """
        if not LEAST_VARIANTS <= len(settings) <= MOST_VARIANTS:
            return Incomplete(f"{LEAST_VARIANTS} to {MOST_VARIANTS} variants can be compared.")
        if question.in_place_of is not None and self._run.place_of(question) is None:
            return GONE
        try:
            await self._models.prepare(own.model for own in settings if own.model is not None)
        except ModelError as error:
            return Incomplete(in_one_line(error.title, error.hint))
        self._run.question = question
        self._variants.listener = listener
        self._variants.begin(settings)
        await self._run.begin()
        return None

    @command(waits_for_reply=False)
    async def again(self, index: int) -> Incomplete | None:
        """Ask a variant again that has ended."""
        if self._run.question is None:
            return _NOT_OPEN
        variant = self._variants[index]
        if variant.stage is not Stage.ENDED:
            return Incomplete("This one has not ended yet.")
        was_running = self.is_running
        self._variants.wait_again(index)
        if not was_running:
            await self._run.begin()
        return None

    def skip(self) -> None:
        """Stop the running variant, and go on with the next one."""
        for index in self._variants.unasked():
            if self._run.running is None and self._variants[index].stage is Stage.LOADING:
                self._variants.end(index, STOPPED)
                self._run.show_loading(self._host.fraction)
                break
        self._run.stop_running()

    def stop(self) -> None:
        """Stop all variants; the texts so far can be kept."""
        for index in self._variants.unasked():
            self._variants.end(index, STOPPED)
        self._run.stop_running()

    async def close(self) -> None:
        """Keep no reply: stop the running variant, and load the session's own model again."""
        if self._run.question is None:
            return
        self._run.question = None
        self._variants.listener(ComparisonClosed())
        self._variants.listener = nobody
        self._run.stop_running()
        self._run.running = None
        self._variants.clear()
        if self._host.phase is not Phase.CLOSED:
            await self._models.bring_back()

    @command(waits_for_reply=False)
    async def keep(self, index: int) -> Incomplete | None:
        """Make a variant's reply a reply of the conversation, and close.

        Raises StoreError; then nothing has changed.
        """
        question = self._run.question
        if question is None:
            return _NOT_OPEN
        variant = self._variants[index]
        if variant.stage is not Stage.ENDED:
            return Incomplete("This one has not ended yet.")
        if not variant.can_be_kept:
            return Incomplete("There is no reply here to keep.")
        request, old = variant.settings.request(question), self._run.place_of(question)
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
        except StoreError as error:  # it is saved when the disk accepts it again
            self._tell(Trouble.of(error))
        if old is None:
            self._tell(TurnAdded(turn))
        else:
            for event in in_place_of(old, turn, self._timeline.conversation):
                self._tell(event)
        if turn.reply.stats is not None:
            self._host.announce_refusal(turn.reply.stats)
        self._tell(ReplyEnded(turn))
        if self._host.model is not None:  # the next turn does not use the format of this one
            self._tell(FormatInUse(self._host.model))

    async def handle(self, event: Event) -> bool:
        """Handle an event of the engine. Return False if other parts must handle it too."""
        return await self._run.handle(event)
