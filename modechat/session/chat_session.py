"""ChatSession: the state machine between a front end, the engine and the store.

The path of a turn: `send` takes what the user meant, and the timeline commits it. `Replies` hands
it to the engine when the model is ready, receives the pieces of the reply and has them saved. Every
step reaches the front end as a session event.

Invariants: the user's text is on disk before the engine sees it; at most one reply runs; the phase
changes only as the table in `phase` allows. All methods belong to one event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from modechat.domain.conversation import Reply, ReplyState, Turn
from modechat.domain.mode import ModeState
from modechat.domain.modes import Incomplete, Parsed, Switch
from modechat.engine.protocol import Engine
from modechat.session.compaction import Compaction
from modechat.session.comparison import Comparison
from modechat.session.disk import Disk
from modechat.session.effective_settings import EffectiveSettings
from modechat.session.engine_events import EngineEvents
from modechat.session.events import (
    ConversationOpened,
    ModeChangeAdded,
    ModeChanged,
    SessionEvent,
    TurnAdded,
)
from modechat.session.gate import BUSY, COMPARING, Gate, command
from modechat.session.inputs import Inputs
from modechat.session.library import Library
from modechat.session.model_choice import ModelChoice
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.prompt_views import PromptViews
from modechat.session.recovery import Recovery
from modechat.session.replies import Replies
from modechat.session.session_state import SessionState
from modechat.session.settings import SessionSettings
from modechat.session.temporary_models import TemporaryModels
from modechat.session.timeline import Timeline
from modechat.session.turn_commands import TurnCommands
from modechat.store import Store


class ChatSession(SessionState):
    """One open conversation on one engine. `listener` is called with every session event, in order.

    Commands return an `Incomplete` with the reason if they did nothing. They raise StoreError if
    the disk refuses.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        settings: SessionSettings,
        listener: Callable[[SessionEvent], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._tell = listener
        self._disk = Disk(store)
        self._left_state: ModeState | None = None
        """The state before a key changed the mode."""
        self._gate = gate = Gate(self._is_closed, self._why_busy)
        host = ModelHost(engine, settings, listener)
        timeline = Timeline(self._disk)
        super().__init__(host, timeline, EffectiveSettings(settings, host, timeline, gate))
        self._replies = Replies(host, timeline, self._settings_in_effect, listener)
        self._compaction = Compaction(host, timeline, self._settings_in_effect, listener)
        self._recovery = Recovery(host, self._replies, listener, clock)
        self.turns = TurnCommands(timeline, gate, self._start_reply, listener)
        """The commands for the turns of the conversation."""
        self.model_choice = ModelChoice(
            host, self._recovery, self.effective, gate, self.turns, listener
        )
        """The user's choices about the model."""
        temporary = TemporaryModels(host, self.effective, self._recovery)
        self.comparison = Comparison(host, timeline, temporary, gate, listener, clock)
        """The comparison of one turn in several variants."""
        self.library = Library(
            self._disk,
            timeline,
            gate,
            self._settings_in_effect,
            host.reads,
            leave=self._leave_conversation,
            opened=self._conversation_opened,
            tell=listener,
        )
        """All conversations."""
        self.inputs = Inputs(self._disk)
        """The texts that the user typed."""
        self.prompts = PromptViews(host, timeline, self._settings_in_effect)
        """The prompts of this conversation, for inspection."""
        self._events = EngineEvents(
            host,
            timeline,
            self._replies,
            self._compaction,
            self.comparison,
            self._recovery,
            listener,
        )

    @property
    def is_busy(self) -> bool:
        """True while a reply is awaited, written or compared, or the chat is summarised."""
        return self._why_busy() is not None

    # Life

    async def run(self) -> None:
        """Load the model, if one is chosen, and handle the events of the engine until `close`."""
        if self.has_model:
            await self._recovery.load(self._host.load)
        else:
            self._host.go_down()
        async for event in self._engine.events():
            await self._events.handle(event)

    async def close(self) -> None:
        """Stop a running reply, shut the engine down and close the store.

        Raises StoreError if something could not be saved.
        """
        self.reads.give_up()
        async with self._gate.lock:
            self._compaction.stop()
            await self._replies.settle()
            await self._host.close()
            await self.comparison.close()
            try:
                await self._timeline.save_unsaved()
            finally:
                await self._disk.close()
            await self._host.wait_until_remembered()

    # What the user does

    @command(waits_for_reply=False)
    async def send(self, meant: Parsed, typed: str) -> Incomplete | None:
        """Do what the user meant: a turn or a change of mode. `typed` is stored with it."""
        if isinstance(meant, Incomplete):
            return meant
        if isinstance(meant, Switch):
            self._left_state = None
            self._tell(ModeChangeAdded(await self._timeline.change_mode(meant.state, typed)))
            self._tell(ModeChanged(meant.state))
            return None
        if refusal := self._gate.refusal(when_busy=True):
            return refusal
        turn = await self._timeline.add_turn(typed, meant)
        self._tell(TurnAdded(turn))
        await self._start_reply(turn)
        return None

    async def regenerate(self, turn_id: int | None = None) -> Incomplete | None:
        """Ask for another reply to a message, by default the last.

        The old reply stays as a variant. If the engine is down and a smaller load was offered, load
        that.
        """
        if self.last_turn is None and self._recovery.has_offer:
            return await self._load_less()
        return await self.turns.regenerate(turn_id, self._recovery.accept_offer)

    async def retry_with_less(self) -> Incomplete | None:
        """Load the model with less, as offered, and ask again for the reply that failed."""
        if not self._recovery.has_offer:
            return Incomplete("There is nothing to retry with less memory.")
        last = self.last_turn
        if last is not None and last.reply.state in (ReplyState.FAILED, ReplyState.INTERRUPTED):
            return await self.turns.regenerate(last.id, self._recovery.accept_offer)
        return await self._load_less()

    @command()
    async def _load_less(self) -> Incomplete | None:
        self._recovery.accept_offer()
        await self._recovery.restart()
        return None

    @command()
    async def compact(self) -> Incomplete | None:
        """Have the model summarise the turns that leave the context, and use the summary there."""
        reason = self._compaction.start()
        return Incomplete(reason) if reason else None

    @command(waits_for_reply=False)
    async def toggle_mode(self) -> Incomplete | None:
        """Change the mode without typing a header; nothing is added to the timeline.

        A standing instruction comes back when the user returns to its mode.
        """
        left, before = self._left_state, self.state
        after = before.toggled()
        if left is not None and left.standing is not None and left.mode is after.mode:
            after = left
        await self._timeline.set_state(after)
        self._left_state = before
        self._tell(ModeChanged(after))
        return None

    async def stop(self) -> None:
        """Stop replies and summarising. The text of a reply so far is kept."""
        self._compaction.stop()
        self.comparison.stop()
        await self._replies.stop()

    # For the session's parts

    def _is_closed(self) -> bool:
        return self.phase is Phase.CLOSED

    def _why_busy(self) -> Incomplete | None:
        if self.comparison.is_open:
            return COMPARING
        return BUSY if self._replies.is_busy or self._compaction.is_running else None

    def _settings_in_effect(self) -> SessionSettings:
        return self.settings

    async def _start_reply(self, turn: Turn, earlier: Reply | None = None) -> None:
        """Have the turn answered, or have the model continue its `earlier` reply."""
        self._replies.start(turn, earlier)
        if self.phase in (Phase.DOWN, Phase.UNLOADED):
            await self._recovery.restart()

    async def _leave_conversation(self, *, keeps: bool = True) -> None:
        self._compaction.stop()
        await self.comparison.close()
        await self._replies.settle()
        if keeps and self.conversation is not None:
            self._host.save_lanes()

    def _conversation_opened(self, is_replacement: bool) -> None:
        self.effective.conversation_changed()
        self._left_state = None
        self._tell(ConversationOpened(self.conversation, is_replacement))
        self._tell(ModeChanged(self.state))
        self._events.note_other_model()
