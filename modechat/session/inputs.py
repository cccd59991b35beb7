"""What the user typed, kept on the store's own thread: what was sent before, and a draft for each conversation."""

from __future__ import annotations

from modechat.domain.typed import Typed
from modechat.session.timeline import Timeline


class Inputs:
    """All methods raise StoreError if the disk refuses."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    async def sent(self) -> tuple[Typed, ...]:
        """What was sent, in this conversation and all others, newest first."""
        return await self._timeline.on_disk(lambda store: store.inputs.sent())

    async def add(self, entry: Typed, conversation_id: int | None) -> None:
        """Keep something that was sent, as long as there is that conversation."""
        await self._timeline.on_disk(lambda store: store.inputs.add(entry, conversation_id))

    async def draft(self, conversation_id: int | None) -> Typed:
        """What was typed in the conversation, and not sent; None: in a new one."""
        return await self._timeline.on_disk(lambda store: store.inputs.draft(conversation_id))

    async def save_draft(self, conversation_id: int | None, draft: Typed) -> None:
        await self._timeline.on_disk(lambda store: store.inputs.save_draft(conversation_id, draft))
