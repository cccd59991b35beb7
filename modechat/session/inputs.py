"""Stores the texts that the user sent, and a draft for each conversation."""

from __future__ import annotations

from modechat.domain.typed import Typed
from modechat.session.disk import Disk


class Inputs:
    """The user's texts on disk. All methods raise StoreError if the disk refuses."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._stored = disk.store.inputs

    async def sent(self) -> tuple[Typed, ...]:
        """Return the texts sent in all conversations, newest first."""
        return await self._disk.run(self._stored.sent)

    async def add(self, entry: Typed, conversation_id: int | None) -> None:
        """Store a text that was sent, for as long as its conversation exists."""
        await self._disk.run(self._stored.add, entry, conversation_id)

    async def draft(self, conversation_id: int | None) -> Typed:
        """Return the unsent text of the conversation; None: of a new one."""
        return await self._disk.run(self._stored.draft, conversation_id)

    async def save_draft(self, conversation_id: int | None, draft: Typed) -> None:
        await self._disk.run(self._stored.save_draft, conversation_id, draft)
