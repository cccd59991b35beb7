"""What the session tells, shown: events come down one after the other, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import unknown_command
from modechat.domain.context import forecast, tokens_in_use
from modechat.domain.modes import ChatMessage
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
from modechat.tui.live_meter import LiveMeter
from modechat.tui.widgets.status_line import FormatShown, StatusLine

if TYPE_CHECKING:
    from textual.timer import Timer

    from modechat.domain.conversation import Conversation, Turn
    from modechat.engine.protocol import ModelInfo
    from modechat.tui.chat_context import ChatContext

_MOST_TROUBLES = 200
_SECONDS_TO_WONDER = 2  # after which who waits wants to see that something happens
_SECONDS_BETWEEN_FIGURES = 0.5  # what repaints them is taken from the model


class SessionView:
    """Shows the events of a session on the widgets of the chat screen."""

    def __init__(
        self,
        context: ChatContext,
        status: StatusLine,
        announce: Callable[[str], None],
        show_hint: Callable[[], None],
    ) -> None:
        """`announce` says what happened, `show_hint` shows what the keys do now."""
        self._context = context
        self._transcript = context.transcript
        self._prompt = context.prompt
        self._status = status
        self._announce = announce
        self._show_hint = show_hint
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self._meter = LiveMeter()
        self._ticking: Timer | None = None
        self._awaited = (0, "")
        """The turn that has no text yet, and what happens meanwhile."""
        self._notes: tuple[str, ...] = ()
        self._attached = 0
        """Characters of the files that the text at the prompt mentions."""
        self.troubles: deque[tuple[datetime, Trouble]] = deque(maxlen=_MOST_TROUBLES)
        """What went wrong, and when, oldest first."""

    def receive(self, event: SessionEvent) -> None:
        """Take an event; it is shown after those before it."""
        self._events.put_nowait(event)

    async def run(self) -> None:
        while True:
            await self._show(await self._events.get())

    async def _show(self, event: SessionEvent) -> None:
        match event:
            case ReplyGrew(
                turn_id=turn_id, text=text, is_thinking=is_thinking, completion_tokens=count
            ):
                self._meter.grew(count)
                self._transcript.feed(turn_id, text, is_thinking=is_thinking)
                self._status.update_status(activity="thinking" if is_thinking else "writing")
            case PromptEvaluated(turn_id=turn_id, fraction=fraction, prompt_tokens=count):
                if view := self._transcript.turn(turn_id):
                    self._meter.read_prompt(count, view.turn.mode)
                self._show_activity(
                    turn_id, f"Reading the prompt · {fraction:.0%}" if fraction < 1 else "…"
                )
            case ModelLoading(fraction=fraction):
                self._status.update_status(loading=fraction)
                self._show_waiting(f"Waiting for the model · {fraction:.0%}")
            case ModelReady(model=model):
                self._status.update_status(loading=None, is_down=False)
                before = self._status.status.model
                if before is not None and before.path != model.path:
                    self._status.update_status(
                        stats=None, format=None
                    )  # they were the other model's
                await self._show_model(model)
            case FormatInUse(model=model):
                await self._show_model(model)
            case AdaptersInUse(adapters=adapters):
                self._status.update_status(adapters=adapters)
            case ThinkingChanged(wanted=wanted):
                self._status.update_status(thinking=wanted)
            case PhaseChanged(phase=phase):
                self._status.update_status(
                    is_down=phase is Phase.DOWN,
                    is_unloaded=phase is Phase.UNLOADED,
                    loading=0.0 if phase is Phase.LOADING else None,
                )
                self._follow_phase(phase)
                self._show_hint()
            case ModeChanged(state=state):
                self._prompt.show_state(state)
                self._status.update_status(mode=state.mode)
                self._show_context()
            case ConversationOpened(conversation=conversation):
                await self._show_conversation(conversation)
            case TurnAdded(turn=turn):
                await self._transcript.add(turn)
                self._show_hint()
            case BranchChanged(
                conversation=conversation, turn_id=turn_id, number=number, count=count
            ):
                await self._transcript.show_branch(conversation)
                self._show_last(conversation)
                if turn_id is not None:
                    await self._transcript.show_turn(turn_id)
                    if count > 1:
                        self._context.say(f"Variant {number} of {count}.")
            case TurnChosen(turn_id=turn_id):
                await self._transcript.show_turn(turn_id)
            case TurnReplaced(old_id=old_id, turn=turn):
                await self._transcript.replace_turn(old_id, turn)
                self._show_hint()
            case ModeChangeAdded(change=change):
                await self._transcript.add(change)
            case TurnChanged(turn=turn):
                self._transcript.update_turn(turn)
                await self._transcript.show_cut(self._conversation)
                self._show_context()
            case ContextMoved(cut=cut, n_left_out=n_left_out):
                await self._transcript.show_cut(self._conversation)
                self._show_context()
                if cut.summary:  # its line may be far above
                    self._announce(
                        f"The chat is summarised: {n_left_out} earlier messages are one summary now."
                    )
            case CompactionChanged(is_running=is_running):
                self._status.update_status(activity="summarising the chat" if is_running else "")
                self._show_hint()
            case ReplyEnded(turn=turn):
                self._show_end(turn)
            case Remark(text=text):
                await self._transcript.add(text, keeps_welcome=True)
            case Trouble() as trouble:
                self.troubles.append((datetime.now(UTC), trouble))
                await self._transcript.add(
                    replace(trouble, hint=self._context.keymap.in_force(trouble.hint))
                )

    def show_attached(self, size: int) -> None:
        """The text at the prompt has changed, and mentions so many characters of files."""
        self._attached = size
        self._show_context()

    def _show_context(self) -> None:
        """What the context holds, and what the text at the prompt will make of it."""
        session = self._context.session
        if session is None:
            return
        conversation, model, system = (
            session.conversation,
            session.model,
            session.settings.chat_system,
        )
        typed = self._prompt.typed
        meant = request_of(typed, session) if not unknown_command(typed) else None
        told = None
        if model is not None and model.sees_history and isinstance(meant, ChatMessage):
            told = forecast(conversation, meant.text, model.n_ctx, self._attached, system)
        used = tokens_in_use(conversation, self._status.status.mode, system)
        self._status.update_status(forecast=told, used=used)

    @property
    def _conversation(self) -> Conversation | None:
        session = self._context.session
        return session.conversation if session is not None else None

    async def _show_model(self, model: ModelInfo) -> None:
        """The model is there, or uses another format. What it notes is said once, as long as it stays the same."""
        session = self._context.session
        formats = session.settings.load.formats if session is not None else ()
        self._transcript.show_alone(
            frozenset(named.name for named in formats if not named.sees_history)
        )
        self._prompt.show_history(model.sees_history)
        wanted = session.settings.thinking if session is not None else None
        self._status.update_status(model=model, format=FormatShown.of_model(model), thinking=wanted)
        for note in model.notes:
            if note not in self._notes:
                await self._transcript.add(note, keeps_welcome=True)
        self._notes = model.notes
        self._show_context()  # of what was typed meanwhile, too

    async def _show_conversation(self, conversation: Conversation | None) -> None:
        await self._transcript.show(conversation)
        self._status.update_status(activity="")
        self._show_last(conversation)

    def _show_last(self, conversation: Conversation | None) -> None:
        """The figures of the last turn that is visible, and what the context holds."""
        last = conversation.last_turn if conversation is not None else None
        self._status.update_status(stats=last.reply.stats if last is not None else None)
        self._show_context()

    def _show_end(self, turn: Turn) -> None:
        if view := self._transcript.turn(turn.id):
            view.reply.finish(turn.reply)
        self._transcript.update_turn(turn)
        self._status.update_status(activity="")
        if stats := turn.reply.stats:
            self._status.update_status(stats=stats, format=FormatShown.of_reply(stats))
        self._show_context()
        self._show_hint()

    def _follow_phase(self, phase: Phase) -> None:
        """The figures of a reply are shown from the moment when it is asked for until it ends."""
        if phase is Phase.GENERATING:
            self._meter.begin()
            self._awaited = (0, "")
            if self._ticking is None:
                self._ticking = self._status.set_interval(
                    _SECONDS_BETWEEN_FIGURES, self._show_figures
                )
            self._ticking.resume()
            if not self._status.status.activity:
                self._status.update_status(activity="waiting")
        elif phase is not Phase.STOPPING:
            if self._meter.is_running:  # what ends in a comparison tells nothing more
                self._status.update_status(activity="")
            self._meter.end()
            if self._ticking is not None:
                self._ticking.pause()
        self._show_figures()

    def _show_figures(self) -> None:
        live = self._meter.read()
        self._status.update_status(live=live)
        if live is not None and self._meter.is_waiting and live.seconds >= _SECONDS_TO_WONDER:
            turn_id, text = self._awaited
            if view := self._transcript.turn(turn_id):
                view.reply.show_activity(f"{text} · {live.seconds:,} s")

    def _show_activity(self, turn_id: int, text: str) -> None:
        self._awaited = turn_id, text
        if view := self._transcript.turn(turn_id):
            view.reply.show_activity(text)
        self._status.update_status(activity=text if text != "…" else "waiting")

    def _show_waiting(self, text: str) -> None:
        turn = self._conversation.last_turn if self._conversation is not None else None
        if turn is not None and (view := self._transcript.turn(turn.id)):
            view.reply.show_activity(text)
