"""What the user typed, on disk: what was sent before, and a draft for each conversation."""

from __future__ import annotations

from modechat.domain.typed import Typed
from modechat.session.disk import Disk


class Inputs:
    """All methods raise StoreError if the disk refuses."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._stored = disk.store.inputs

    async def sent(self) -> tuple[Typed, ...]:
        """What was sent, in this conversation and all others, newest first."""
        return await self._disk.run(self._stored.sent)

    async def add(self, entry: Typed, conversation_id: int | None) -> None:
        """Keep something that was sent, as long as there is that conversation."""
        await self._disk.run(self._stored.add, entry, conversation_id)

    async def draft(self, conversation_id: int | None) -> Typed:
        """What was typed in the conversation, and not sent; None: in a new one."""
        return await self._disk.run(self._stored.draft, conversation_id)

    async def save_draft(self, conversation_id: int | None, draft: Typed) -> None:
        await self._disk.run(self._stored.save_draft, conversation_id, draft)
