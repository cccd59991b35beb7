"""Passes each event of the engine to the part of the session that handles it."""

from __future__ import annotations

from collections.abc import Callable

from modechat.domain.text import sanitize_line
from modechat.engine.protocol import Event, Failed, Loaded
from modechat.session.compaction import Compaction
from modechat.session.comparison import Comparison
from modechat.session.events import Remark, SessionEvent, Trouble
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.recovery import Recovery
from modechat.session.replies import Replies
from modechat.session.timeline import Timeline


class EngineEvents:
    """Gives every event to the first part that handles it."""

    def __init__(
        self,
        host: ModelHost,
        timeline: Timeline,
        replies: Replies,
        compaction: Compaction,
        comparison: Comparison,
        recovery: Recovery,
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._replies = replies
        self._compaction = compaction
        self._comparison = comparison
        self._recovery = recovery
        self._tell = tell
        self._noted_models: set[tuple[int, str]] = set()
        """Pairs of a conversation and a model for which the change of model was announced."""

    async def handle(self, event: Event) -> None:
        if self._host.is_outdated(event):
            return
        if await self._comparison.handle(event) or self._host.handle(event):
            return
        if isinstance(event, Loaded) and self._host.phase is Phase.LOADING:
            self._loaded(event)
        elif await self._compaction.handle(event):
            if not self._compaction.is_running and self._host.phase is not Phase.CLOSED:
                self._replies.engine_is_ready()
        elif isinstance(event, Failed) and (event.died or event.id is None):
            await self._engine_failed(event)
        else:
            await self._replies.handle(event)

    def note_other_model(self) -> None:
        """Say, once for each conversation and model, that another model wrote the last reply."""
        conversation, model = self._timeline.conversation, self._host.model
        if conversation is None or model is None:
            return
        last = next(
            (turn.reply.model for turn in reversed(conversation.turns) if turn.reply.model), ""
        )
        if not last or last == model.name or (conversation.id, model.name) in self._noted_models:
            return
        self._noted_models.add((conversation.id, model.name))
        self._tell(
            Remark(f"The last reply here is from {sanitize_line(last)}; {model.name} goes on.")
        )

    def _loaded(self, event: Loaded) -> None:
        other_is_announced = self._host.loaded(event.model)
        if not other_is_announced:
            self.note_other_model()
        self._replies.engine_is_ready()

    async def _engine_failed(self, failed: Failed) -> None:
        if failed.died:
            self._compaction.give_up()
            await self._recovery.died(failed)
        elif self._host.phase is Phase.LOADING:
            await self._recovery.loading_failed(failed)
        else:
            self._tell(Trouble(failed.title, failed.hint, failed.log_tail))
