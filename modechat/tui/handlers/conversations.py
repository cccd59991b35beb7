"""Actions about whole conversations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from modechat.errors import StoreError

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
        from modechat.tui.screens.conversations import ConversationsScreen, Delete, Open

        try:
            summaries = await session.summaries()
        except StoreError as error:
            await self._screen.show_trouble(error)
            return
        open_id = session.conversation.id if session.conversation is not None else None
        screen = ConversationsScreen(summaries, open_id, lambda: datetime.now(UTC))
        match await self._screen.app.push_screen_wait(screen):
            case Open(conversation_id=chosen) if chosen != open_id:
                await self._screen.composer.drafts.go(lambda session: session.open(chosen))
            case Delete(conversation_id=chosen):
                await self._screen.do(lambda session: session.delete(chosen))
            case _:
                pass
