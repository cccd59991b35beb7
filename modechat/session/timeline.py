"""The open conversation, kept in step with the store.

Every change is on disk when its method returns. Only the reply that is being written is ahead of
the disk. A reply that the disk refuses is kept and saved later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from modechat.domain.conversation import (
    ContextCut,
    Conversation,
    ModeChange,
    Turn,
)
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.own_settings import OwnSettings
from modechat.errors import StoreError
from modechat.session import turn_changes
from modechat.session.disk import Disk
from modechat.session.open_conversation import OpenConversation
from modechat.store import Store

P = ParamSpec("P")
T = TypeVar("T")


class Timeline(OpenConversation):
    """The open conversation and its store.

    All methods that use the disk raise StoreError if it refuses. Then the conversation is
    unchanged, unless the method says otherwise.
    """

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk
        self._store = disk.store
        self._unsaved: dict[int, Turn] = {}

    # Which conversation

    async def latest_id(self) -> int | None:
        return await self._disk.run(self._store.latest_id)

    async def open(self, conversation_id: int) -> None:
        """Open a conversation. Raises ConversationInUse if another program has it open."""
        await self._disk.run(self._store.lock, conversation_id)
        try:
            await self._disk.run(self._store.mark_interrupted, conversation_id)
            opened = await self._disk.run(self._store.conversation, conversation_id)
        except StoreError:
            await self._lock_again()
            raise
        self._show(opened)

    async def start_new(self) -> None:
        await self._disk.run(self._store.unlock)
        self._show(None)

    async def delete(self, conversation_id: int) -> datetime | None:
        """Delete a conversation. Return the time of its beginning, None if that cannot be read."""
        started_at = await self._disk.run(self._store.started_at, conversation_id)
        await self._disk.run(self._store.delete, conversation_id)
        return started_at

    async def rename(self, conversation_id: int, title: str) -> None:
        await self._disk.run(self._store.rename, conversation_id, title)
        if self._conversation is not None and self._conversation.id == conversation_id:
            self._show_title(title)

    async def save_unsaved(self) -> None:
        """Save the replies that the disk refused before."""
        for turn in list(self._unsaved.values()):
            await self._disk.run(self._store.save_reply, turn.id, turn.reply)
            if self._unsaved.get(turn.id) is turn:
                del self._unsaved[turn.id]

    # What is in it

    async def add_turn(self, typed: str, request: ChatMessage | Task) -> Turn:
        """Commit a user message at the end."""
        title, turn = await self._commit(turn_changes.add_turn, self._last_id, typed, request)
        self._show_title(title)
        self._show_entry(turn)
        return turn

    async def add_variant(
        self, of: Turn, request: ChatMessage | Task, typed: str | None = None
    ) -> Turn:
        """Commit a turn in the place of `of`, which stays as a variant, with the turns after it.

        If `of` was the last turn, the headers after it follow the new turn. `typed` None:
        unchanged.
        """
        if typed is None:
            typed = of.typed
        turn, entries = await self._commit(
            turn_changes.add_variant, of, typed, request, self._state
        )
        self._show_entries(entries)
        return turn

    async def variants(self, turn_id: int) -> tuple[int, ...]:
        """Return the turns for the same message, `turn_id` included, by age."""
        return await self._disk.run(self._store.variants, turn_id)

    async def select(self, turn_id: int) -> Conversation:
        """Make the branch of a turn visible, and return the changed conversation."""
        await self.save_unsaved()
        self._conversation = await self._commit(turn_changes.select, turn_id)
        return self._conversation

    async def delete_turn(self, turn_id: int) -> Conversation:
        """Delete a turn for good, also from the title, and return the changed conversation."""
        self._unsaved.pop(turn_id, None)
        await self.save_unsaved()
        self._conversation = await self._commit(turn_changes.delete_turn, turn_id)
        return self._conversation

    async def save_reply(self, turn: Turn) -> None:
        """Save the reply of `turn`.

        If the disk refuses, it is saved with the next one, or at the end.
        """
        self._show_turn(turn)
        self._unsaved[turn.id] = turn
        await self.save_unsaved()

    async def set_in_chat(self, turn: Turn, in_chat: bool) -> Turn:
        await self._disk.run(self._store.set_in_chat, turn.id, in_chat)
        changed = replace(turn, in_chat=in_chat)
        self._show_turn(changed)
        return changed

    async def set_pinned(self, turn: Turn, pinned: bool) -> Turn:
        await self._disk.run(self._store.set_pinned, turn.id, pinned)
        changed = replace(turn, pinned=pinned)
        self._show_turn(changed)
        return changed

    async def add_cut(self, cut: ContextCut) -> None:
        """Record the new start of the context. It counts even if the disk refuses."""
        assert self._conversation is not None
        self._show_cut(cut)
        await self._disk.run(self._store.add_cut, self._conversation.id, cut)

    async def set_own(self, own: OwnSettings) -> None:
        """Give the open conversation its own settings.

        A new one stores them when it is first saved.
        """
        if self._conversation is not None:
            await self._disk.run(self._store.set_own, self._conversation.id, own)
        self._own = own

    async def change_mode(self, state: ModeState, typed: str) -> ModeChange:
        """Record a header that the user typed."""
        change = ModeChange(self._last_id, state, typed)
        await self._commit(turn_changes.change_mode, change)
        self._show_entry(change)
        self._state = state
        return change

    async def set_state(self, state: ModeState) -> None:
        """Change the mode without an entry on the timeline."""
        if self._conversation is not None:
            await self._disk.run(self._store.set_state, self._conversation.id, state)
        self._state = state

    @property
    def _last_id(self) -> int | None:
        return self.last_turn.id if self.last_turn is not None else None

    async def _commit(
        self,
        change: Callable[Concatenate[Store, Conversation, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Do all of a change of the open conversation on the disk, or nothing of it.

        A new conversation is created and locked first.
        """
        opened, state, own = self._conversation, self._state, self._own
        try:
            saved, result = await self._disk.run(
                turn_changes.commit,  # type: ignore[arg-type] # mypy 2.4: a ParamSpec in another one
                self._store,
                opened,
                state,
                own,
                change,
                *args,
                **kwargs,
            )
        except StoreError:
            await self._lock_again()
            raise
        if opened is None:
            self._conversation = saved
        return result

    async def _lock_again(self) -> None:
        """Lock the shown conversation for this program again."""
        if self._conversation is not None:
            await self._disk.run(self._store.lock, self._conversation.id)
        else:
            await self._disk.run(self._store.unlock)
