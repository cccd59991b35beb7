"""All conversations that are kept: listing, searching, looking into and naming them, whichever one is open."""

from __future__ import annotations

from modechat.session.timeline import Timeline
from modechat.store import ConversationSummary, Found
from modechat.store.preview import TurnExcerpt

MOST_LISTED = 10_000


class Library:
    """All methods raise StoreError if the disk refuses."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline

    async def summaries(self) -> tuple[ConversationSummary, ...]:
        """Those that were updated last, newest first."""
        return await self._timeline.summaries(MOST_LISTED)

    async def search(self, text: str) -> tuple[Found, ...]:
        """The conversations in which all the words of `text` were said in one message or reply."""
        return await self._timeline.search(text)

    async def preview(
        self, conversation_id: int, turn_id: int | None = None
    ) -> tuple[TurnExcerpt, ...]:
        """The last turns of a conversation, or those up to `turn_id`; oldest first."""
        return await self._timeline.preview(conversation_id, turn_id)

    async def rename(self, conversation_id: int, title: str) -> None:
        await self._timeline.rename(conversation_id, title)
