"""The open conversation, kept in step with the store.

Every change is on disk when its method returns; `conversation` shows what the disk has. The store works on one
thread of its own, so that a slow disk never blocks the front end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import ParamSpec, TypeVar

from modechat.domain.conversation import Conversation, ModeChange, Turn, message_text, title_of
from modechat.domain.modes import ChatMessage, Mode, ModeState, Task
from modechat.store import ConversationSummary, Store

P = ParamSpec("P")
T = TypeVar("T")


class Timeline:
    """All methods that reach the disk raise StoreError if it refuses; nothing has changed then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._conversation: Conversation | None = None
        self._state = ModeState()

    @property
    def conversation(self) -> Conversation | None:
        """None: a new conversation, of which nothing is saved yet."""
        return self._conversation

    @property
    def state(self) -> ModeState:
        return self._state

    @property
    def last_turn(self) -> Turn | None:
        return self._conversation.last_turn if self._conversation is not None else None

    def last_turn_in(self, mode: Mode) -> Turn | None:
        turns = self._conversation.turns if self._conversation is not None else ()
        return next((turn for turn in reversed(turns) if turn.mode is mode), None)

    # Which conversation

    async def latest_id(self) -> int | None:
        return await self._on_disk(self._store.latest_id)

    async def open(self, conversation_id: int) -> None:
        """Raises ConversationInUse if another program has it open."""
        await self._on_disk(self._store.lock, conversation_id)
        await self._on_disk(self._store.mark_interrupted, conversation_id)
        self._conversation = await self._on_disk(self._store.conversation, conversation_id)
        self._state = self._conversation.state

    async def start_new(self) -> None:
        await self._on_disk(self._store.unlock)
        self._conversation = None
        self._state = ModeState()

    async def delete(self, conversation_id: int) -> None:
        await self._on_disk(self._store.delete, conversation_id)

    async def summaries(self) -> tuple[ConversationSummary, ...]:
        return await self._on_disk(self._store.summaries)

    async def close(self) -> None:
        await self._on_disk(self._store.close)
        self._thread.shutdown()

    # What is in it

    async def add_turn(self, typed: str, request: ChatMessage | Task) -> Turn:
        """Commit a user message at the end."""
        conversation = await self._saved()
        if not conversation.title:
            conversation = replace(conversation, title=title_of(message_text(request)))
            await self._on_disk(self._store.rename, conversation.id, conversation.title)
        last = conversation.last_turn
        turn = await self._create(conversation, last.id if last else None, typed, request)
        self._conversation = conversation.with_entry(turn)
        return turn

    async def add_variant(self, of: Turn, request: ChatMessage | Task) -> Turn:
        """Commit a turn in the place of `of`, the last one; that one is kept beside it."""
        conversation = await self._saved()
        turn = await self._create(conversation, of.parent_id, of.typed, request)
        self._conversation = await self._on_disk(self._store.conversation, conversation.id)
        return turn

    async def save_reply(self, turn: Turn) -> None:
        """Save the reply of `turn`. The shown conversation changes with it, unless another one is open by now."""
        if self._conversation is not None:
            self._conversation = self._conversation.with_turn(turn)
        await self._on_disk(self._store.save_reply, turn.id, turn.reply)

    async def set_in_chat(self, turn: Turn, in_chat: bool) -> Turn:
        await self._on_disk(self._store.set_in_chat, turn.id, in_chat)
        changed = replace(turn, in_chat=in_chat)
        if self._conversation is not None:
            self._conversation = self._conversation.with_turn(changed)
        return changed

    async def change_mode(self, state: ModeState, typed: str) -> ModeChange:
        """Record a header that the user typed."""
        conversation = await self._saved()
        last = conversation.last_turn
        change = ModeChange(last.id if last else None, state, typed)
        await self._on_disk(self._store.add_mode_change, conversation.id, change)
        self._conversation = conversation.with_entry(change)
        self._state = state
        return change

    async def set_state(self, state: ModeState) -> None:
        """Change the mode without an entry on the timeline."""
        if self._conversation is not None:
            await self._on_disk(self._store.set_state, self._conversation.id, state)
        self._state = state

    async def _saved(self) -> Conversation:
        """The open conversation; a new one is created and locked now that there is something to save."""
        if self._conversation is None:
            created = await self._on_disk(self._store.create_conversation, "", self._state)
            await self._on_disk(self._store.lock, created.id)
            self._conversation = created
        return self._conversation

    async def _create(
        self, conversation: Conversation, parent_id: int | None, typed: str, request: ChatMessage | Task
    ) -> Turn:
        in_chat = isinstance(request, ChatMessage)
        return await self._on_disk(self._store.add_turn, conversation.id, parent_id, typed, request, in_chat)

    async def _on_disk(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))
