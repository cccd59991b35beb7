"""Shows the events of the session, one after the other, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from modechat.session.events import (
    AdaptersInUse,
    BranchChanged,
    CompactionChanged,
    ContextMoved,
    ConversationOpened,
    FormatInUse,
    ModeChangeAdded,
    ModeChanged,
    ModelLoading,
    ModelReady,
    PhaseChanged,
    PromptEvaluated,
    Remark,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    ThinkingChanged,
    Trouble,
    TurnAdded,
    TurnChanged,
    TurnChosen,
    TurnReplaced,
)
from modechat.session.phase import Phase
from modechat.tui.context_figures import ContextFigures
from modechat.tui.reply_progress import ReplyProgress
from modechat.tui.widgets.status_line import FormatShown, StatusLine

if TYPE_CHECKING:
    from modechat.domain.conversation import Conversation
    from modechat.engine.protocol import ModelInfo
    from modechat.tui.chat_context import ChatContext

_MOST_TROUBLES = 200


class SessionView:
    """Shows the events of a session on the widgets of the chat screen."""

    def __init__(
        self,
        context: ChatContext,
        status: StatusLine,
        announce: Callable[[str], None],
        show_hint: Callable[[], None],
    ) -> None:
        """Call `announce` to say what happened, and `show_hint` to show what the keys do now."""
        self._context = context
        self._transcript = context.transcript
        self._prompt = context.prompt
        self._status = status
        self._announce = announce
        self._show_hint = show_hint
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self._progress = ReplyProgress(context.transcript, status)
        self._notes: tuple[str, ...] = ()
        self.figures = ContextFigures(context, status)
        self.troubles: deque[tuple[datetime, Trouble]] = deque(maxlen=_MOST_TROUBLES)
        """Errors and the times at which they came, oldest first."""
        self._shows: dict[type, Callable[[Any], Awaitable[None] | None]] = {
            PhaseChanged: self._phase_changed,
            ModelLoading: self._model_loading,
            ModelReady: self._model_ready,
            FormatInUse: self._format_in_use,
            AdaptersInUse: self._adapters_in_use,
            ThinkingChanged: self._thinking_changed,
            ConversationOpened: self._conversation_opened,
            ModeChanged: self._mode_changed,
            ModeChangeAdded: self._mode_change_added,
            TurnAdded: self._turn_added,
            TurnReplaced: self._turn_replaced,
            TurnChosen: self._turn_chosen,
            BranchChanged: self._branch_changed,
            TurnChanged: self._turn_changed,
            PromptEvaluated: self._progress.prompt_evaluated,
            ReplyGrew: self._reply_grew,
            ReplyEnded: self._reply_ended,
            ContextMoved: self._context_moved,
            CompactionChanged: self._compaction_changed,
            Remark: self._remark,
            Trouble: self._trouble,
        }

    def receive(self, event: SessionEvent) -> None:
        """Take an event; it is shown after earlier events."""
        self._events.put_nowait(event)

    async def run(self) -> None:
        while True:
            event = await self._events.get()
            shown = self._shows[type(event)](event)
            if shown is not None:
                await shown

    # The model

    def _phase_changed(self, event: PhaseChanged) -> None:
        self._status.update_status(
            is_down=event.phase is Phase.DOWN,
            is_unloaded=event.phase is Phase.UNLOADED,
            loading=0.0 if event.phase is Phase.LOADING else None,
        )
        self._progress.phase_changed(event.phase)
        self._show_hint()

    def _model_loading(self, event: ModelLoading) -> None:
        self._status.update_status(loading=event.fraction)
        last = self._conversation.last_turn if self._conversation is not None else None
        if last is not None:
            text = f"Waiting for the model · {event.fraction:.0%}"
            self._progress.show_waiting(last.id, text)

    async def _model_ready(self, event: ModelReady) -> None:
        self._status.update_status(loading=None, is_down=False)
        before = self._status.status.model
        if before is not None and before.path != event.model.path:
            # These figures belong to the other model.
            self._status.update_status(stats=None, format=None)
        await self._show_model(event.model)

    async def _format_in_use(self, event: FormatInUse) -> None:
        await self._show_model(event.model)

    def _adapters_in_use(self, event: AdaptersInUse) -> None:
        self._status.update_status(adapters=event.adapters)

    def _thinking_changed(self, event: ThinkingChanged) -> None:
        self._status.update_status(thinking=event.wanted)

    async def _show_model(self, model: ModelInfo) -> None:
        """Show the model that is loaded, and the format that it uses.

        Each of its notes is said once, as long as it stays the same.
        """
        session = self._context.session
        if session is not None:
            formats = session.settings.load.formats
            alone = frozenset(named.name for named in formats if not named.sees_history)
            self._transcript.show_alone(alone)
            self._status.update_status(thinking=session.settings.thinking)
        self._prompt.show_history(model.sees_history)
        self._status.update_status(model=model, format=FormatShown.of_model(model))
        for note in model.notes:
            if note not in self._notes:
                await self._transcript.add(note, keeps_welcome=True)
        self._notes = model.notes
        self.figures.show()  # also for what was typed meanwhile

    # The conversation

    async def _conversation_opened(self, event: ConversationOpened) -> None:
        await self._transcript.show(event.conversation)
        self._status.update_status(activity="")
        self._show_last(event.conversation)

    def _mode_changed(self, event: ModeChanged) -> None:
        self._prompt.show_state(event.state)
        self._status.update_status(mode=event.state.mode)
        self.figures.show()

    async def _mode_change_added(self, event: ModeChangeAdded) -> None:
        await self._transcript.add(event.change)

    async def _turn_added(self, event: TurnAdded) -> None:
        await self._transcript.add(event.turn)
        self._show_hint()

    async def _turn_replaced(self, event: TurnReplaced) -> None:
        await self._transcript.replace_turn(event.old_id, event.turn)
        self._show_hint()

    async def _turn_chosen(self, event: TurnChosen) -> None:
        await self._transcript.show_turn(event.turn_id)

    async def _branch_changed(self, event: BranchChanged) -> None:
        await self._transcript.show_branch(event.conversation)
        self._show_last(event.conversation)
        if event.turn_id is not None:
            await self._transcript.show_turn(event.turn_id)
            if event.count > 1:
                self._context.say(f"Variant {event.number} of {event.count}.")

    async def _turn_changed(self, event: TurnChanged) -> None:
        self._transcript.update_turn(event.turn)
        await self._transcript.show_cut(self._conversation)
        self.figures.show()

    async def _context_moved(self, event: ContextMoved) -> None:
        await self._transcript.show_cut(self._conversation)
        self.figures.show()
        if event.cut.summary:  # the line in the transcript may be far above
            count = event.n_left_out
            self._announce(f"The chat is summarised: {count} earlier messages are one summary now.")

    def _compaction_changed(self, event: CompactionChanged) -> None:
        self._status.update_status(activity="summarising the chat" if event.is_running else "")
        self._show_hint()

    # Replies

    def _reply_grew(self, event: ReplyGrew) -> None:
        self._progress.grew(event)
        self._transcript.feed(event.turn_id, event.text, is_thinking=event.is_thinking)

    def _reply_ended(self, event: ReplyEnded) -> None:
        turn = event.turn
        if view := self._transcript.turn(turn.id):
            view.reply.finish(turn.reply)
        self._transcript.update_turn(turn)
        self._status.update_status(activity="")
        if stats := turn.reply.stats:
            self._status.update_status(stats=stats, format=FormatShown.of_reply(stats))
        self.figures.show()
        self._show_hint()

    async def _remark(self, event: Remark) -> None:
        text = self._context.keymap.name_keys(event.text)
        await self._transcript.add(text, keeps_welcome=True)

    async def _trouble(self, event: Trouble) -> None:
        name_keys = self._context.keymap.name_keys
        trouble = replace(event, title=name_keys(event.title), hint=name_keys(event.hint))
        self.troubles.append((datetime.now(UTC), trouble))
        await self._transcript.add(trouble)

    @property
    def _conversation(self) -> Conversation | None:
        session = self._context.session
        return session.conversation if session is not None else None

    def _show_last(self, conversation: Conversation | None) -> None:
        """Show the figures of the last visible turn, and how full the context is."""
        last = conversation.last_turn if conversation is not None else None
        self._status.update_status(stats=last.reply.stats if last is not None else None)
        self.figures.show()
