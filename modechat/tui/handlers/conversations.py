"""Actions about whole conversations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


class ConversationActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def new_conversation(self) -> None:
        await self._screen.composer.drafts.go(lambda session: session.new_conversation())

    def conversations(self) -> None:
        self._screen.talk(self._choose)

    async def _choose(self, session: ChatSession) -> None:
        from modechat.tui.screens.conversations import ConversationsScreen

        chosen = await self._screen.app.push_screen_wait(
            ConversationsScreen(session, lambda: datetime.now(UTC))
        )
        if chosen is None:
            return
        conversation_id = chosen.summary.id
        if session.conversation is None or session.conversation.id != conversation_id:
            await self._screen.composer.drafts.go(lambda session: session.open(conversation_id))
        if (found := chosen.found) is not None:
            self._screen.put(lambda session: session.turns.show(conversation_id, found.turn_id))
