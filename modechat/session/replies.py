"""The life of a reply: its turn waits for the engine, then the reply grows, ends and is saved.

At most one reply runs. `handle` takes the engine's events about replies. Every step becomes a
session event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from modechat.domain.context import cut_where
from modechat.domain.conversation import (
    Reply,
    ReplyState,
    StopReason,
    Turn,
    clock_at,
    typed_of_reply,
)
from modechat.domain.key_names import usual_keys
from modechat.engine.protocol import (
    Cancelled,
    Delta,
    Event,
    Failed,
    Finished,
    PromptProgress,
    Shortened,
    Stop,
)
from modechat.errors import StoreError
from modechat.session.context_moves import move_context
from modechat.session.events import (
    PromptEvaluated,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    Trouble,
)
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.running_reply import RunningReply, final_reply
from modechat.session.settings import SessionSettings, SoFar, generate_request, label_of
from modechat.session.timeline import Timeline

_SECONDS_TO_SETTLE = 3.0


class Replies:
    """The replies to the turns of `timeline`, written by the engine of `host`."""

    def __init__(
        self,
        host: ModelHost,
        timeline: Timeline,
        settings: Callable[[], SessionSettings],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._host = host
        self._timeline = timeline
        self._settings = settings
        self._tell = tell
        self._running: RunningReply | None = None
        self._disk_refuses = False

    @property
    def is_busy(self) -> bool:
        """True while a reply is awaited or written."""
        return self._running is not None

    @property
    def turn(self) -> Turn | None:
        """The turn whose reply is awaited or written, or None."""
        return self._running.turn if self._running is not None else None

    def start(self, turn: Turn, earlier: Reply | None = None) -> None:
        """Queue the turn for the engine, which gets it at once if it is ready.

        `earlier` is the turn's reply if the model is to continue one.
        """
        conversation = self._timeline.conversation
        assert conversation is not None
        history = tuple(other for other in conversation.turns if other.id != turn.id)
        self._running = RunningReply(turn, history, self._save, earlier)
        if self._host.phase is Phase.READY:
            self._dispatch()

    def engine_is_ready(self) -> None:
        """Enter the ready phase, and send the waiting turn, if there is one."""
        self._host.enter(Phase.READY)
        if self._running is not None:
            self._dispatch()

    async def handle(self, event: Event) -> None:
        """Handle an event about a request.

        For a reply that was given up, an event only shows that the engine is free.
        """
        match event:
            case PromptProgress() if self._is_running(event.id):
                self._tell(PromptEvaluated(event.id, event.fraction, event.total))
            case Delta() if self._running is not None and self._is_running(event.id):
                if new_text := self._running.grow(event.text, is_thinking=event.is_thinking):
                    self._tell(
                        ReplyGrew(event.id, new_text, event.is_thinking, event.completion_tokens)
                    )
            case Shortened() if self._running is not None and self._is_running(event.id):
                await self._shorten(self._running.history, event.n_left_out)
            case Finished(stats=stats):
                self._host.announce_refusal(stats)
                await self._answered(event.id, final_reply(event, self._host.model))
            case Cancelled():
                await self._answered(
                    event.id, Reply(state=ReplyState.STOPPED, stop_reason=StopReason.STOPPED)
                )
            case Failed():
                if (
                    self._is_running(event.id)
                    and self._running is not None
                    and self._running.is_unchanged
                ):
                    self._tell(
                        Trouble(event.title, event.hint)
                    )  # the reply stays unchanged, without the error
                await self._answered(
                    event.id,
                    Reply(state=ReplyState.FAILED, error=usual_keys(str(event.as_error()))),
                )
            case _:
                pass

    async def stop(self) -> None:
        """Stop the reply. Its text so far is kept."""
        if self._running is None:
            return
        if self._host.phase is Phase.GENERATING:
            self._host.enter(Phase.STOPPING)
            self._host.send(Stop(id=self._running.turn.id))
        elif self._host.phase in (Phase.LOADING, Phase.DOWN):
            await self.end(Reply(state=ReplyState.STOPPED, stop_reason=StopReason.STOPPED))

    async def settle(self) -> None:
        """Stop the running reply and wait until it is saved."""
        running = self._running
        if running is None:
            return
        await self.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(running.ended.wait(), _SECONDS_TO_SETTLE)
        if not running.is_ending:  # the engine hangs: do not wait for it
            await self.end(Reply(state=ReplyState.INTERRUPTED))

    async def end(self, result: Reply) -> None:
        """Give the running reply, if any, its final state; its text stays."""
        running = self._running
        if running is not None and not running.is_ending:
            turn = await running.end(result)
            self._running = None
            self._tell(ReplyEnded(turn))

    def _dispatch(self) -> None:
        """Hand the waiting turn to the engine."""
        running, conversation = self._running, self._timeline.conversation
        assert running is not None
        assert conversation is not None
        self._host.enter(Phase.GENERATING)
        turn = running.turn
        clock = clock_at(turn.created_at, conversation)
        so_far = (
            None if running.earlier is None else SoFar(running.earlier.text, typed_of_reply(turn))
        )
        settings = self._settings()
        label = (
            label_of(conversation.id, conversation.created_at)
            if settings.load.state_folder is not None
            else ""
        )
        self._host.send(
            generate_request(
                turn.id,
                turn.request,
                running.history,
                settings,
                clock,
                so_far,
                conversation.cut,
                label=label,
            )
        )

    async def _shorten(self, history: tuple[Turn, ...], n_left_out: int) -> None:
        """Record that older messages have left the context, for this turn and later ones."""
        conversation = self._timeline.conversation
        assert conversation is not None
        cut = cut_where(history, n_left_out, conversation.cut)
        if cut is None or cut == conversation.cut:
            return
        await move_context(self._timeline, cut, self._tell)

    async def _answered(self, request_id: int | None, result: Reply) -> None:
        """End a request, which may belong to the running reply or to one that was given up."""
        if self._is_running(request_id):
            await self.end(result)
        if self._host.phase is not Phase.CLOSED:
            self.engine_is_ready()

    def _is_running(self, request_id: int | None) -> bool:
        running = self._running
        return running is not None and not running.is_ending and running.turn.id == request_id

    async def _save(self, turn: Turn) -> None:
        """Save a reply. If the disk refuses, say so once; the reply is saved later."""
        try:
            await self._timeline.save_reply(turn)
        except StoreError as error:
            if not self._disk_refuses:
                self._tell(Trouble.of(error))
            self._disk_refuses = True
        else:
            self._disk_refuses = False
