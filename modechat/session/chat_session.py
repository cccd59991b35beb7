"""ChatSession: the state machine between a front end, the engine and the store.

A turn's way: `send` parses the text, the timeline commits it, `Replies` hands it to the engine when the model is ready,
takes the reply's pieces and has them saved; every step is told to the front end as a session event.

Invariants: what the user typed is on disk before the engine sees it; at most one reply runs; the phase changes only
as the table in `phase` allows. All methods belong to one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from modechat.domain.conversation import Conversation, Reply, ReplyState, Turn
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Parsed, Switch, Task, parse
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed, as_typed
from modechat.engine.protocol import Adapter, Engine, Event, Failed, Loaded, ModelInfo
from modechat.prompting.tasks import NamedTask
from modechat.session.compaction import Compaction
from modechat.session.comparison import Comparison
from modechat.session.effective_settings import EffectiveSettings
from modechat.session.events import (
    ConversationOpened,
    ModeChangeAdded,
    ModeChanged,
    Remark,
    SessionEvent,
    Trouble,
    TurnAdded,
)
from modechat.session.inputs import Inputs
from modechat.session.library import Library
from modechat.session.model_choice import ModelChoice
from modechat.session.model_host import ModelHost
from modechat.session.phase import Phase
from modechat.session.prompt_views import PromptViews
from modechat.session.recovery import Recovery
from modechat.session.refusals import BUSY, CLOSED, COMPARING
from modechat.session.replies import Replies
from modechat.session.settings import SessionSettings, label_of
from modechat.session.temporary_models import TemporaryModels
from modechat.session.timeline import Timeline
from modechat.session.turn_commands import TurnCommands
from modechat.store import ConversationDamaged, ConversationInUse, Store


class ChatSession:
    """One open conversation on one engine. `listener` is called with every session event, in order.

    Commands return an `Incomplete` with the reason if they did nothing, and raise StoreError if the disk refuses.
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
        self._host = ModelHost(engine, settings, listener)
        self._timeline = Timeline(store)
        self._effective = EffectiveSettings(
            settings, self._host, self._timeline, lambda: self.is_busy
        )
        self.inputs = Inputs(self._timeline)
        self._prompts = PromptViews(self._host, self._timeline, lambda: self.settings)
        self._tell = listener
        self._commands = asyncio.Lock()
        self._left_state: ModeState | None = None
        """The state before the mode was changed by key."""
        self._told_models: set[tuple[int, str]] = set()
        self._replies = Replies(self._host, self._timeline, lambda: self.settings, listener)
        self._compaction = Compaction(self._host, self._timeline, lambda: self.settings, listener)
        self._recovery = Recovery(self._host, self._replies, listener, clock)
        self._choice = ModelChoice(
            self._host,
            self._recovery,
            self._effective,
            self._commands,
            lambda: self.is_busy,
            listener,
        )
        self._library = Library(self._timeline)
        self._turns = TurnCommands(
            self._timeline, self._commands, lambda: self.is_busy, self._start_reply, listener
        )

        temporary = TemporaryModels(self._host, self._effective, self._recovery)
        self._comparison = Comparison(
            self._host,
            self._timeline,
            temporary,
            self._commands,
            lambda: self.is_busy,
            listener,
            clock,
        )

    # What a front end may read

    @property
    def phase(self) -> Phase:
        return self._host.phase

    @property
    def model(self) -> ModelInfo | None:
        return self._host.model

    @property
    def has_model(self) -> bool:
        """Whether a model is chosen; whether it is loaded says the phase."""
        return self._host.has_model

    @property
    def has_previous_model(self) -> bool:
        """Whether there is a model to go back to."""
        return self._host.previous is not None

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """The LoRA adapters that are applied to the model."""
        return self._host.adapters

    @property
    def settings(self) -> SessionSettings:
        """Those in effect, with what the conversation has of its own."""
        return self._effective.in_effect

    @property
    def effective(self) -> EffectiveSettings:
        """Where settings come from, and changing them."""
        return self._effective

    @property
    def turns(self) -> TurnCommands:
        """What can be done with the turns of the conversation."""
        return self._turns

    @property
    def comparison(self) -> Comparison:
        """One turn in several variants, of which one may be kept."""
        return self._comparison

    @property
    def library(self) -> Library:
        """All conversations."""
        return self._library

    @property
    def loading(self) -> float:
        """How much of the model is loaded, 0 to 1, while it is."""
        return self._host.fraction

    @property
    def prompts(self) -> PromptViews:
        """The prompts of this conversation, to look at."""
        return self._prompts

    @property
    def conversation(self) -> Conversation | None:
        """None: a new conversation, of which nothing is saved yet."""
        return self._timeline.conversation

    @property
    def state(self) -> ModeState:
        return self._timeline.state

    @property
    def is_busy(self) -> bool:
        """Whether a reply is awaited or written, replies are compared, or the chat is being summarised."""
        return self._replies.is_busy or self._compaction.is_running or self._comparison.is_open

    # Life

    async def run(self) -> None:
        """Load the model, if one is chosen, and handle events until `close`. The engine has been started."""
        if self.has_model:
            await self._recovery.load(self._host.load)
        else:
            self._host.go_down()
        async for event in self._engine.events():
            await self._handle(event)

    async def close(self) -> None:
        """Stop the reply if one is written, shut the engine down and close the store.

        Raises StoreError if something could not be saved.
        """
        async with self._commands:
            self._compaction.stop()
            await self._replies.settle()
            await self._host.close()
            await self._comparison.close()
            await self._timeline.close()

    # Conversations

    async def open_latest(self) -> None:
        """Open the newest conversation; a new one if there is none, another program has it open, or it is damaged."""
        latest = await self._timeline.latest_id()
        if latest is None:
            await self.new_conversation()
            return
        try:
            await self.open(latest)
        except ConversationInUse:
            await self.new_conversation()
            self._tell(
                Trouble(
                    "Your last conversation is open in another modechat",
                    "This is a new one. Both are saved; close the other program to go on with the last one here.",
                )
            )
        except ConversationDamaged as error:
            await self.new_conversation()
            self._tell(Trouble(error.title, f"This is a new one. {error.hint}"))

    async def open(self, conversation_id: int) -> None:
        """Raises ConversationInUse if another program has it, StoreError if it is gone."""
        async with self._commands:
            await self._leave_conversation()
            await self._timeline.open(conversation_id)
            self._show_conversation()

    async def new_conversation(self, *, keeps: bool = True) -> None:
        """`keeps`: what was evaluated of the one before is kept on disk."""
        async with self._commands:
            await self._leave_conversation(keeps=keeps)
            await self._timeline.start_new()
            self._show_conversation()

    async def delete(self, conversation_id: int) -> None:
        """Delete a conversation for good. If it is the open one, a new one takes its place."""
        if self.conversation is not None and self.conversation.id == conversation_id:
            await self.new_conversation(keeps=False)
        started_at = await self._timeline.delete(conversation_id)
        if started_at is not None:
            await asyncio.to_thread(
                self.settings.forget_kept, label_of(conversation_id, started_at)
            )

    # Turns

    async def send(self, text: str | Typed) -> Incomplete | None:
        """Do what `text` means: a turn, a change of mode, or nothing yet."""
        return await self._act(lambda: parse(text, self.state), as_typed(text).text)

    async def start_task(self, task: NamedTask, said: str) -> Incomplete | None:
        """Do a named task with what the user said after its name."""
        return await self._act(lambda: task.read(said), f"/task {task.name} {said}".strip())

    async def _act(self, read: Callable[[], Parsed], typed: str) -> Incomplete | None:
        async with self._commands:
            if self.phase is Phase.CLOSED:
                return CLOSED
            match read():
                case Incomplete() as incomplete:
                    return incomplete
                case Switch(state=state):
                    self._left_state = None
                    self._tell(ModeChangeAdded(await self._timeline.change_mode(state, typed)))
                    self._tell(ModeChanged(state))
                case (ChatMessage() | Task()) as request:
                    if self.is_busy:
                        return COMPARING if self._comparison.is_open else BUSY
                    turn = await self._timeline.add_turn(typed, request)
                    self._tell(TurnAdded(turn))
                    await self._start_reply(turn)
        return None

    async def regenerate(self, turn_id: int | None = None) -> Incomplete | None:
        """Ask for another reply to a message, or to the last one; the first one is kept as a variant.

        Where the engine is down and a load with less was offered, it is loaded so.
        """
        if self._recovery.accept_offer() and self._timeline.last_turn is None:
            await self._recovery.restart()
            return None
        return await self._turns.regenerate(turn_id)

    async def retry_with_less(self) -> Incomplete | None:
        """Load the model as was offered after it failed, and ask the message again that failed with it."""
        if not self._recovery.accept_offer():
            return Incomplete("There is nothing to retry with less memory.")
        last = self._timeline.last_turn
        if last is not None and last.reply.state in (ReplyState.FAILED, ReplyState.INTERRUPTED):
            return await self._turns.regenerate()
        await self._recovery.restart()
        return None

    async def compact(self) -> Incomplete | None:
        """Have the model summarise what was said before the last turns; the summary takes its place in the context."""
        async with self._commands:
            if self.is_busy:
                return BUSY
            reason = self._compaction.start()
        return Incomplete(reason) if reason else None

    async def toggle_mode(self) -> None:
        """Change the mode without typing a header; nothing is added to the timeline. An instruction that was kept is
        there again when one comes back."""
        async with self._commands:
            left, self._left_state = self._left_state, self.state
            comes_back = (
                left is not None
                and left.standing is not None
                and left.mode is self.state.mode.other
            )
            await self._timeline.set_state(
                left if left is not None and comes_back else self.state.toggled()
            )
            self._tell(ModeChanged(self.state))

    # The model

    async def use_format(self, name: str | None) -> Incomplete | None:
        """Use this prompt format from now on, and remember it for the model; None: the one that fits the model.

        Raises StoreError if it cannot be remembered; it is used all the same.
        """
        return await self._choice.use_format(name)

    async def try_format(self, name: str) -> Incomplete | None:
        """Ask for another reply to the last message in this format, and stay with it until the program ends."""
        if self.is_busy:
            return BUSY
        self._host.use_format(name)
        return await self.regenerate()

    async def use_model(self, name: str = "") -> Incomplete | None:
        """Go on with the model file that is named so; without a name, with the one before that.

        The conversation stays. A file that is no model to chat with changes nothing.
        """
        return await self._choice.use(name)

    async def use_context(self, n_ctx: int | None) -> Incomplete | None:
        """Load the model again with a context of so many tokens; None: as many as suit it."""
        return await self._choice.use_context(n_ctx)

    async def use_adapters(self, adapters: tuple[Adapter, ...]) -> Incomplete | None:
        """Apply these LoRA adapters from now on. Where the model could not be loaded, try again with them."""
        return await self._choice.use_adapters(adapters)

    def set_thinking(self, wanted: bool | None) -> None:
        """Have the model think before it answers, or not, where its template lets one choose."""
        self._choice.set_thinking(wanted)

    # Stopping and repeating

    async def stop(self) -> None:
        """Stop the reply, the replies that are compared, or the summarising. What has come of a reply is kept."""
        self._compaction.stop()
        self._comparison.stop()
        await self._replies.stop()

    async def _leave_conversation(self, *, keeps: bool = True) -> None:
        self._compaction.stop()
        await self._comparison.close()
        await self._replies.settle()
        if keeps and self.conversation is not None:
            self._host.save_lanes()

    def _show_conversation(self) -> None:
        self._effective.conversation_changed()
        self._left_state = None
        self._tell(ConversationOpened(self.conversation))
        self._tell(ModeChanged(self.state))
        self._tell_other_model()

    def _tell_other_model(self) -> None:
        """The conversation was opened, or the model is there: say once if it is not the one that answered here."""
        model, conversation = self.model, self.conversation
        turns = conversation.turns if conversation is not None else ()
        last = next((turn.reply.model for turn in reversed(turns) if turn.reply.model), "")
        if model is None or conversation is None or not last or last == model.name:
            return
        if (conversation.id, model.name) not in self._told_models:
            self._told_models.add((conversation.id, model.name))
            self._tell(
                Remark(f"The last reply here is from {sanitize_line(last)}; {model.name} goes on.")
            )

    # The engine

    async def _handle(self, event: Event) -> None:
        match event:
            case _ if await self._comparison.take(event):
                pass
            case _ if self._host.take(event):
                pass
            case Loaded(model=model) if self.phase is Phase.LOADING:
                if not self._host.loaded(model):
                    self._tell_other_model()
                self._replies.engine_is_ready()
            case _ if await self._compaction.take(event):
                if not self._compaction.is_running and self.phase is not Phase.CLOSED:
                    self._replies.engine_is_ready()
            case Failed(died=True):
                self._compaction.give_up()
                await self._recovery.died(event)
            case Failed(id=None) if self.phase is Phase.LOADING:
                await self._recovery.loading_failed(event)
            case Failed(id=None):
                self._tell(Trouble(event.title, event.hint, event.log_tail))
            case _:
                await self._replies.take(event)

    async def _start_reply(self, turn: Turn, earlier: Reply | None = None) -> None:
        """Have the turn answered; or, with its `earlier` reply, have the model go on with that."""
        self._replies.start(turn, earlier)
        if self.phase in (Phase.DOWN, Phase.UNLOADED):
            await self._recovery.restart()
