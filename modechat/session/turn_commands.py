"""The commands for existing turns: ask again, edit, delete, pin. Part of the session.

Turns are never overwritten: another reply to a message, or an edited message, is a variant beside
the first one. Later turns stay with the variant that they followed, and come back with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from modechat.domain.continuing import reopened, why_not_continue
from modechat.domain.conversation import Conversation, Reply, Turn, as_mode
from modechat.domain.mode import INSTRUCT, Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Parsed, Switch, Task, parse
from modechat.session.events import (
    BranchChanged,
    ModeChangeAdded,
    SessionEvent,
    TurnChanged,
    TurnChosen,
    TurnReplaced,
)
from modechat.session.gate import BUSY, GONE, Gate, command
from modechat.session.timeline import Timeline

_NO_TURN = Incomplete("There is no turn to repeat yet.")


def _nothing() -> None:
    """Prepare nothing."""


class TurnCommands:
    """The commands for turns. Without a `turn_id`, a command means the last suitable turn.

    All raise StoreError if the disk refuses.
    """

    def __init__(
        self,
        timeline: Timeline,
        gate: Gate,
        start_reply: Callable[[Turn, Reply | None], Awaitable[None]],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._timeline = timeline
        self._gate = gate
        self._start_reply = start_reply
        self._tell = tell

    # Asking again

    @command()
    async def regenerate(
        self, turn_id: int | None = None, prepare: Callable[[], object] = _nothing
    ) -> Incomplete | None:
        """Ask for another reply to a message.

        `prepare` is called just before the engine is asked.
        """
        turn = self._meant(turn_id)
        if turn is None:
            return _NO_TURN
        await self._ask_in_place(turn, turn.request, prepare=prepare)
        return None

    @command()
    async def run_in_other_mode(self, turn_id: int | None = None) -> Incomplete | None:
        """Repeat a turn in the other mode."""
        turn = self._meant(turn_id)
        if turn is None:
            return _NO_TURN
        await self._ask_in_place(turn, as_mode(turn.request, turn.mode.other))
        return None

    def state_of(self, turn_id: int) -> ModeState:
        """Return the state for parsing an edited message of this turn: the turn's own mode."""
        turn = self._timeline.turn(turn_id)
        return _state_of(turn) if turn is not None else self._timeline.state

    @command()
    async def edit(self, turn_id: int, meant: Parsed, typed: str) -> Incomplete | None:
        """Ask what the user `meant` in the place of a turn's message; `typed` is stored with it."""
        turn = self._timeline.turn(turn_id)
        if turn is None:
            return GONE
        if isinstance(meant, Incomplete):
            return meant
        if isinstance(meant, Switch):
            return Incomplete("A header alone is no message that could take the place of this one.")
        await self._ask_in_place(turn, meant, typed)
        return None

    @command()
    async def continue_reply(self) -> Incomplete | None:
        """Have the model continue the last reply where it was cut."""
        last = self._timeline.last_turn
        reason = why_not_continue(last)
        if last is None or reason:
            return Incomplete(reason)
        turn = reopened(last)
        self._show_in_place(last, turn)
        await self._start_reply(turn, last.reply)
        return None

    # What the chat sees

    @command(waits_for_reply=False)
    async def toggle_in_chat(self, turn_id: int | None = None) -> Incomplete | None:
        """Add an instruct turn to the chat's context, or take it out again."""
        if turn_id is not None:
            turn = self._timeline.turn(turn_id)
        else:
            turn = self._timeline.last_turn_in(Mode.INSTRUCT)
        if turn is None:
            return Incomplete("There is no instruct turn here to add to the chat.")
        if turn.mode is not Mode.INSTRUCT:
            return Incomplete("A chat turn is in the chat already.")
        if not turn.reply.state.is_final:
            return BUSY
        if not turn.reply.text:
            return Incomplete("This instruct turn has no answer that the chat could see.")
        self._tell(TurnChanged(await self._timeline.set_in_chat(turn, not turn.in_chat)))
        return None

    @command(waits_for_reply=False)
    async def toggle_pin(self, turn_id: int | None = None) -> Incomplete | None:
        """Pin a chat turn, so that it stays in a full context, or unpin it."""
        if turn_id is not None:
            turn = self._timeline.turn(turn_id)
        else:
            turn = self._timeline.last_turn_in(Mode.CHAT, answered=True)
        if turn is None:
            return Incomplete("There is no chat turn here to pin.")
        if turn.mode is not Mode.CHAT:
            return Incomplete("Only chat turns can be pinned: the chat does not see this one.")
        if not turn.reply.state.is_final:
            return BUSY
        self._tell(TurnChanged(await self._timeline.set_pinned(turn, not turn.pinned)))
        return None

    # Taking out, and variants

    @command()
    async def delete(self, turn_id: int) -> Incomplete | None:
        """Delete a turn for good.

        The turns after it stay. If it was the last, a variant of it takes its place.
        """
        if self._timeline.turn(turn_id) is None:
            return GONE
        self._tell(BranchChanged(await self._timeline.delete_turn(turn_id)))
        return None

    @command(waits_for_reply=False)
    async def show(self, conversation_id: int, turn_id: int) -> Incomplete | None:
        """Scroll to a turn, and make its branch visible if needed.

        Nothing happens if another conversation is open.
        """
        conversation = self._timeline.conversation
        if conversation is None or conversation.id != conversation_id:
            return None
        if self._timeline.turn(turn_id) is not None:
            self._tell(TurnChosen(turn_id))
            return None
        if refusal := self._gate.refusal(when_busy=True):
            return refusal
        ids = await self._timeline.variants(turn_id)
        if turn_id not in ids:
            return GONE
        await self._select(turn_id, ids)
        return None

    async def variants(self, turn_id: int) -> tuple[int, ...]:
        """Return the turns for the same message, by age."""
        return await self._timeline.variants(turn_id)

    @command()
    async def show_variant(self, step: int, turn_id: int | None = None) -> Incomplete | None:
        """Show the variant `step` places after the shown one, with the turns that followed it."""
        turn = self._meant(turn_id)
        if turn is None:
            return GONE
        ids = await self._timeline.variants(turn.id)
        at = ids.index(turn.id) + step
        if len(ids) == 1:
            return Incomplete("This turn has no other variant.")
        if not 0 <= at < len(ids):
            which = "first" if step < 0 else "last"
            return Incomplete(f"This is the {which} of {len(ids)} variants.")
        await self._select(ids[at], ids)
        return None

    async def _select(self, turn_id: int, ids: tuple[int, ...]) -> None:
        """Make the branch of `turn_id` visible, one of the variants `ids`."""
        conversation = await self._timeline.select(turn_id)
        self._tell(BranchChanged(conversation, turn_id, ids.index(turn_id) + 1, len(ids)))

    def _meant(self, turn_id: int | None) -> Turn | None:
        """Return the turn with this id; None: the last turn."""
        return self._timeline.last_turn if turn_id is None else self._timeline.turn(turn_id)

    async def _ask_in_place(
        self,
        turn: Turn,
        request: ChatMessage | Task,
        typed: str | None = None,
        prepare: Callable[[], object] = _nothing,
    ) -> None:
        """Commit `request` as a variant of `turn`, and have it answered.

        `typed` None: unchanged.
        """
        variant = await self._timeline.add_variant(turn, request, typed)
        prepare()
        self._show_in_place(turn, variant)
        await self._start_reply(variant, None)

    def _show_in_place(self, old: Turn, turn: Turn) -> None:
        for event in in_place_of(old, turn, self._timeline.conversation):
            self._tell(event)


def in_place_of(old: Turn, turn: Turn, conversation: Conversation | None) -> Iterator[SessionEvent]:
    """Yield the events that show `turn` and the headers after it in place of `old`."""
    yield TurnReplaced(old.id, turn)
    for change in conversation.changes_after(turn) if conversation is not None else ():
        yield ModeChangeAdded(change)


def _state_of(turn: Turn) -> ModeState:
    """Return the state in which the text typed for `turn` has the meaning of its request."""
    request = turn.request
    if isinstance(request, Task) and request.input and parse(turn.typed, INSTRUCT) != request:
        return ModeState(Mode.INSTRUCT, request.instruction, request.name)
    return ModeState(turn.mode)
