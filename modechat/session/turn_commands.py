"""What can be done with a turn that is there: ask again, edit, take out. Part of the session.

Turns are never overwritten: another reply to a message, or an edited message, is a variant beside the first one.
Where later turns follow, they stay with the variant that they followed, and come back with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from modechat.domain.continuing import reopened, why_not_continue
from modechat.domain.conversation import Conversation, Reply, Turn, as_mode
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch, Task, parse
from modechat.domain.typed import Typed, as_typed
from modechat.session.events import (
    BranchChanged,
    ModeChangeAdded,
    SessionEvent,
    TurnChanged,
    TurnChosen,
    TurnReplaced,
)
from modechat.session.refusals import BUSY
from modechat.session.timeline import Timeline

_GONE = Incomplete("That turn is not here any more.")


class TurnCommands:
    """Without a `turn_id`, the last turn that fits is meant. All raise StoreError if the disk refuses."""

    def __init__(
        self,
        timeline: Timeline,
        commands: asyncio.Lock,
        is_busy: Callable[[], bool],
        start_reply: Callable[[Turn, Reply | None], Awaitable[None]],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        self._timeline = timeline
        self._commands = commands
        self._is_busy = is_busy
        self._start_reply = start_reply
        self._tell = tell

    # Asking again

    async def regenerate(self, turn_id: int | None = None) -> Incomplete | None:
        """Ask for another reply to a message."""
        return await self._repeat(turn_id, lambda turn: turn.request)

    async def run_in_other_mode(self, turn_id: int | None = None) -> Incomplete | None:
        """Repeat a turn in the other mode."""
        return await self._repeat(turn_id, lambda turn: as_mode(turn.request, turn.mode.other))

    async def edit(
        self, turn_id: int, typed: str | Typed, request: ChatMessage | Task | None = None
    ) -> Incomplete | None:
        """Ask what the user `typed` in the place of a turn's message, in that turn's mode unless it says another.

        `request`: what it means, where that is known already.
        """
        turn = self._turn(turn_id)
        if turn is None:
            return _GONE
        meant = request or parse(typed, _state_of(turn))
        if isinstance(meant, Incomplete):
            return meant
        if isinstance(meant, Switch):
            return Incomplete("A header alone is no message that could take the place of this one.")
        return await self._repeat(turn_id, lambda _turn: meant, as_typed(typed).text)

    async def continue_reply(self) -> Incomplete | None:
        """Have the model go on with the last reply where it was cut."""
        async with self._commands:
            if self._is_busy():
                return BUSY
            last = self._timeline.last_turn
            reason = why_not_continue(last)
            if last is None or reason:
                return Incomplete(reason)
            turn = reopened(last)
            self._show_in_place(last, turn)
            await self._start_reply(turn, last.reply)
        return None

    # What the chat sees

    async def toggle_in_chat(self, turn_id: int | None = None) -> Incomplete | None:
        """Bring an instruct turn into the chat's context, or take it out again."""
        async with self._commands:
            turn = (
                self._turn(turn_id)
                if turn_id is not None
                else self._timeline.last_turn_in(Mode.INSTRUCT)
            )
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

    async def toggle_pin(self, turn_id: int | None = None) -> Incomplete | None:
        """Have a chat turn stay in the context when that is full, or not any more."""
        async with self._commands:
            turn = (
                self._turn(turn_id)
                if turn_id is not None
                else self._timeline.last_turn_in(Mode.CHAT, answered=True)
            )
            if turn is None:
                return Incomplete("There is no chat turn here to pin.")
            if turn.mode is not Mode.CHAT:
                return Incomplete("Only chat turns can be pinned: the chat does not see this one.")
            if not turn.reply.state.is_final:
                return BUSY
            self._tell(TurnChanged(await self._timeline.set_pinned(turn, not turn.pinned)))
        return None

    # Taking out, and variants

    async def delete(self, turn_id: int) -> Incomplete | None:
        """Delete a turn for good. What follows it stays; a variant of it takes its place if it was the last."""
        async with self._commands:
            if self._is_busy():
                return BUSY
            if self._turn(turn_id) is None:
                return _GONE
            self._tell(BranchChanged(await self._timeline.delete_turn(turn_id)))
        return None

    async def show(self, conversation_id: int, turn_id: int) -> Incomplete | None:
        """Have a turn in view, with its branch if that is not visible; nothing if another conversation is open."""
        async with self._commands:
            conversation = self._timeline.conversation
            if conversation is None or conversation.id != conversation_id:
                return None
            if self._turn(turn_id) is not None:
                self._tell(TurnChosen(turn_id))
                return None
            if self._is_busy():
                return BUSY
            ids = await self._timeline.variants(turn_id)
            if turn_id not in ids:
                return _GONE
            self._tell(
                BranchChanged(
                    await self._timeline.select(turn_id), turn_id, ids.index(turn_id) + 1, len(ids)
                )
            )
        return None

    async def variants(self, turn_id: int) -> tuple[int, ...]:
        """The turns that stand for the same message, in the order of their creation."""
        return await self._timeline.variants(turn_id)

    async def show_variant(self, step: int, turn_id: int | None = None) -> Incomplete | None:
        """Show the variant that is `step` after the one that is shown, with all that followed it."""
        async with self._commands:
            if self._is_busy():
                return BUSY
            turn = self._turn(turn_id) if turn_id is not None else self._timeline.last_turn
            if turn is None:
                return _GONE
            ids = await self._timeline.variants(turn.id)
            at = ids.index(turn.id) + step
            if len(ids) == 1:
                return Incomplete("This turn has no other variant.")
            if not 0 <= at < len(ids):
                return Incomplete(
                    f"This is the {'first' if step < 0 else 'last'} of {len(ids)} variants."
                )
            self._tell(
                BranchChanged(await self._timeline.select(ids[at]), ids[at], at + 1, len(ids))
            )
        return None

    def _turn(self, turn_id: int) -> Turn | None:
        conversation = self._timeline.conversation
        turns = conversation.turns if conversation is not None else ()
        return next((turn for turn in turns if turn.id == turn_id), None)

    async def _repeat(
        self,
        turn_id: int | None,
        request_of: Callable[[Turn], ChatMessage | Task],
        typed: str | None = None,
    ) -> Incomplete | None:
        async with self._commands:
            turn = self._turn(turn_id) if turn_id is not None else self._timeline.last_turn
            if turn is None:
                return Incomplete("There is no turn to repeat yet.")
            if self._is_busy():
                return BUSY
            request = request_of(turn)
            variant = await self._timeline.add_variant(turn, request, typed)
            self._show_in_place(turn, variant)
            await self._start_reply(variant, None)
        return None

    def _show_in_place(self, old: Turn, turn: Turn) -> None:
        for event in in_place_of(old, turn, self._timeline.conversation):
            self._tell(event)


def in_place_of(old: Turn, turn: Turn, conversation: Conversation | None) -> Iterator[SessionEvent]:
    """What shows `turn` in the place of the old one, and what follows it."""
    yield TurnReplaced(old.id, turn)
    for change in conversation.changes_after(turn) if conversation is not None else ():
        yield ModeChangeAdded(change)


def _state_of(turn: Turn) -> ModeState:
    """The state in which what was typed for `turn` meant what it did."""
    request = turn.request
    if (
        isinstance(request, Task)
        and request.input
        and parse(turn.typed, ModeState(Mode.INSTRUCT)) != request
    ):
        return ModeState(Mode.INSTRUCT, request.instruction, request.name)
    return ModeState(turn.mode)
