"""Shows prompts: that of the next turn, and those of earlier turns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from modechat.domain.conversation import Turn, clock_at
from modechat.domain.modes import ChatMessage, Task
from modechat.engine.prompt_view import PromptView
from modechat.session.model_host import ModelHost
from modechat.session.settings import SessionSettings, clock_text, prompt_of
from modechat.session.timeline import Timeline


class PromptViews:
    """The prompts of the open conversation. The engine makes them when its running work is done.

    Methods raise EngineError if there is no model, or no prompt.
    """

    def __init__(
        self, host: ModelHost, timeline: Timeline, settings: Callable[[], SessionSettings]
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._settings = settings

    async def next(self, request: ChatMessage | Task, format: str | None = None) -> PromptView:
        """Return the prompt for `request` as the next turn; `format` None: the format in use."""
        conversation = self._timeline.conversation
        clock = clock_at(datetime.now(UTC), conversation)
        return await self._inspect(request, self._timeline.turns, clock, format)

    async def alone(self, request: ChatMessage | Task) -> PromptView:
        """Return the prompt for `request` without a history."""
        return await self._inspect(request, (), datetime.now(UTC))

    async def of_turn(self, turn: Turn) -> PromptView:
        """Return the prompt of a turn in its own format, made with today's settings."""
        conversation = self._timeline.conversation
        assert conversation is not None  # the conversation has that turn
        earlier = tuple(other for other in conversation.turns if other.id < turn.id)
        stats = turn.reply.stats
        format = stats.format if stats is not None else None
        return await self._inspect(
            turn.request, earlier, clock_at(turn.created_at, conversation), format
        )

    async def _inspect(
        self,
        request: ChatMessage | Task,
        history: tuple[Turn, ...],
        clock: datetime,
        format: str | None = None,
    ) -> PromptView:
        settings = self._settings()
        conversation = self._timeline.conversation
        prompt = prompt_of(
            request, history, settings, cut=conversation.cut if conversation is not None else None
        )
        return await self._host.inspect(prompt, clock_text(clock), settings.thinking, format)
