"""The open conversation, kept in step with the store.

Every change is on disk when its method returns. Only the reply that is being written is ahead of the disk, and what
the disk refuses is kept and saved later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from modechat.domain.context import n_left_out
from modechat.domain.conversation import (
    ContextCut,
    Conversation,
    ModeChange,
    ReplyState,
    Turn,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.own_settings import OwnSettings
from modechat.domain.titles import title_of_request, titles_of_request
from modechat.errors import StoreError
from modechat.session.disk import Disk


class Timeline:
    """All methods that reach the disk raise StoreError if it refuses; nothing has changed then."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._store = disk.store
        self._conversation: Conversation | None = None
        self._state = ModeState()
        self._own = OwnSettings()
        self._unsaved: dict[int, Turn] = {}

    @property
    def conversation(self) -> Conversation | None:
        """None: a new conversation, of which nothing is saved yet."""
        return self._conversation

    @property
    def state(self) -> ModeState:
        return self._state

    @property
    def own(self) -> OwnSettings:
        """What the open conversation has of its own among the settings."""
        return self._own

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The visible turns of the open conversation, oldest first."""
        return self._conversation.turns if self._conversation is not None else ()

    @property
    def last_turn(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def turn(self, turn_id: int | None) -> Turn | None:
        """The visible turn of this id."""
        return next((turn for turn in self.turns if turn.id == turn_id), None)

    @property
    def n_left_out(self) -> int:
        """How many messages have left the context."""
        if self._conversation is None:
            return 0
        return n_left_out(self._conversation.cut, self._conversation.turns)

    def last_turn_in(self, mode: Mode, *, answered: bool = False) -> Turn | None:
        """With `answered`, a turn whose reply failed before it began does not count."""
        for turn in reversed(self.turns):
            if turn.mode is mode and not (answered and _failed(turn)):
                return turn
        return None

    # Which conversation

    async def latest_id(self) -> int | None:
        return await self._disk.run(self._store.latest_id)

    async def open(self, conversation_id: int) -> None:
        """Raises ConversationInUse if another program has it open."""
        await self._disk.run(self._store.lock, conversation_id)
        try:
            await self._disk.run(self._store.mark_interrupted, conversation_id)
            opened = await self._disk.run(self._store.conversation, conversation_id)
        except StoreError:
            await self._lock_again()
            raise
        self._conversation = opened
        self._state = opened.state
        self._own = opened.own or OwnSettings()

    async def start_new(self) -> None:
        await self._disk.run(self._store.unlock)
        self._conversation = None
        self._state = ModeState()
        self._own = OwnSettings()

    async def delete(self, conversation_id: int) -> datetime | None:
        """When the conversation began that is deleted; None if that cannot be read."""
        started_at = await self._disk.run(self._store.started_at, conversation_id)
        await self._disk.run(self._store.delete, conversation_id)
        return started_at

    async def rename(self, conversation_id: int, title: str) -> None:
        await self._disk.run(self._store.rename, conversation_id, title)
        if self._conversation is not None and self._conversation.id == conversation_id:
            self._change(lambda current: replace(current, title=title))

    async def save_unsaved(self) -> None:
        """Save the replies that the disk refused before."""
        for turn in list(self._unsaved.values()):
            await self._disk.run(self._store.save_reply, turn.id, turn.reply)
            if self._unsaved.get(turn.id) is turn:
                del self._unsaved[turn.id]

    # What is in it

    async def add_turn(self, typed: str, request: ChatMessage | Task) -> Turn:
        """Commit a user message at the end."""
        conversation = await self._saved()
        if not conversation.title:
            title = title_of_request(request)
            await self._disk.run(self._store.rename, conversation.id, title)
            self._change(lambda current: replace(current, title=title))
        last = conversation.last_turn
        turn = await self._create(conversation, last.id if last else None, typed, request)
        self._change(lambda current: current.with_entry(turn))
        return turn

    async def add_variant(
        self, of: Turn, request: ChatMessage | Task, typed: str | None = None
    ) -> Turn:
        """Commit a turn in the place of `of`; that one is kept beside it, with the turns that followed it.

        Headers that were typed after `of` come after the new turn, if it was the last. `typed`: None if as before.
        """
        conversation = await self._saved()
        turn = await self._create(
            conversation, of.parent_id, of.typed if typed is None else typed, request
        )
        later = (
            conversation.entries[conversation.entries.index(of) + 1 :]
            if of == conversation.last_turn
            else ()
        )
        changes = [
            replace(change, after_turn_id=turn.id)
            for change in later
            if isinstance(change, ModeChange)
        ]
        for change in changes:
            await self._disk.run(self._store.add_mode_change, conversation.id, change)
        if changes:
            await self._disk.run(self._store.set_state, conversation.id, self._state)
        kept = conversation.entries[: conversation.entries.index(of)]
        self._change(lambda current: replace(current, entries=(*kept, turn, *changes)))
        return turn

    async def variants(self, turn_id: int) -> tuple[int, ...]:
        """The turns that stand for the same message, `turn_id` among them, in the order of their creation."""
        return await self._disk.run(self._store.variants, turn_id)

    async def select(self, turn_id: int) -> Conversation:
        """Make the branch of a turn visible. Returns the conversation as it is then."""
        conversation = await self._saved()
        await self.save_unsaved()
        await self._disk.run(self._store.select, turn_id)
        self._conversation = await self._disk.run(self._store.conversation, conversation.id)
        return self._conversation

    async def delete_turn(self, turn_id: int) -> Conversation:
        """Delete a turn for good, also from the title. Returns the conversation as it is then."""
        self._unsaved.pop(turn_id, None)
        await self.save_unsaved()
        deleted = self.turn(turn_id)
        self._conversation = left = await self._disk.run(self._store.delete_turn, turn_id)
        if deleted is not None and left.title in titles_of_request(deleted.request):
            first = next(iter(left.turns), None)
            await self.rename(left.id, title_of_request(first.request) if first is not None else "")
        return self._conversation

    async def save_reply(self, turn: Turn) -> None:
        """Save the reply of `turn`; if the disk refuses, it is saved again with the next one, or at the end."""
        self._change(lambda current: current.with_turn(turn))
        self._unsaved[turn.id] = turn
        await self.save_unsaved()

    async def set_in_chat(self, turn: Turn, in_chat: bool) -> Turn:
        await self._disk.run(self._store.set_in_chat, turn.id, in_chat)
        changed = replace(turn, in_chat=in_chat)
        self._change(lambda current: current.with_turn(changed))
        return changed

    async def set_pinned(self, turn: Turn, pinned: bool) -> Turn:
        await self._disk.run(self._store.set_pinned, turn.id, pinned)
        changed = replace(turn, pinned=pinned)
        self._change(lambda current: current.with_turn(changed))
        return changed

    async def add_cut(self, cut: ContextCut) -> None:
        """Record where the open conversation's context begins from now on; here it does, whatever the disk says."""
        assert self._conversation is not None
        self._change(lambda current: replace(current, cut=cut))
        await self._disk.run(self._store.add_cut, self._conversation.id, cut)

    async def set_own(self, own: OwnSettings) -> None:
        """Give the open conversation settings of its own; a new one keeps them when it is first saved."""
        if self._conversation is not None:
            await self._disk.run(self._store.set_own, self._conversation.id, own)
        self._own = own

    async def change_mode(self, state: ModeState, typed: str) -> ModeChange:
        """Record a header that the user typed."""
        conversation = await self._saved()
        last = conversation.last_turn
        change = ModeChange(last.id if last else None, state, typed)
        await self._disk.run(self._store.add_mode_change, conversation.id, change)
        self._change(lambda current: current.with_entry(change))
        self._state = state
        return change

    async def set_state(self, state: ModeState) -> None:
        """Change the mode without an entry on the timeline."""
        if self._conversation is not None:
            await self._disk.run(self._store.set_state, self._conversation.id, state)
        self._state = state

    async def _saved(self) -> Conversation:
        """The open conversation; a new one is created and locked now that there is something to save."""
        if self._conversation is None:
            created = await self._disk.run(self._store.create_conversation, "", self._state)
            try:
                await self._disk.run(self._store.lock, created.id)
                if not self._own.is_empty:
                    await self._disk.run(self._store.set_own, created.id, self._own)
            except StoreError:
                await self._disk.run(self._store.delete, created.id)
                raise
            self._conversation = created
        return self._conversation

    def _change(self, change: Callable[[Conversation], Conversation]) -> None:
        """Change the shown conversation as it is now: a reply may have been saved while the disk was awaited."""
        if self._conversation is not None:
            self._conversation = change(self._conversation)

    async def _lock_again(self) -> None:
        """The conversation that is still shown stays this program's."""
        if self._conversation is not None:
            await self._disk.run(self._store.lock, self._conversation.id)
        else:
            await self._disk.run(self._store.unlock)

    async def _create(
        self,
        conversation: Conversation,
        parent_id: int | None,
        typed: str,
        request: ChatMessage | Task,
    ) -> Turn:
        in_chat = isinstance(request, ChatMessage)
        return await self._disk.run(
            self._store.add_turn, conversation.id, parent_id, typed, request, in_chat
        )


def _failed(turn: Turn) -> bool:
    return turn.reply.state is ReplyState.FAILED and not turn.reply.text
