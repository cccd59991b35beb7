"""Actions about turns and their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.session_commands import SessionCommands
from modechat.domain.text import sanitize_line

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


class ReplyActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._commands = SessionCommands(screen.flash_up)

    @property
    def _selected(self) -> int | None:
        """The turn that is meant; None: the last one that fits."""
        return self._screen.transcript.selection.turn_id

    async def stop(self) -> None:
        await self._screen.stop()

    async def toggle_mode(self) -> None:
        await self._screen.do(self._toggle_mode)

    async def _toggle_mode(self, session: ChatSession) -> None:
        before = session.state
        await session.toggle_mode()
        if before.standing is not None:
            instruction = before.task or f"“{sanitize_line(before.standing)}”"
            self._screen.flash_up(f"{instruction} waits. Shift+Tab goes on with it.")

    async def regenerate(self) -> None:
        turn_id = self._selected
        await self._screen.do(lambda session: session.regenerate(turn_id))

    async def continue_reply(self) -> None:
        await self._screen.do(lambda session: session.turns.continue_reply())

    async def retry_with_less(self) -> None:
        await self._screen.do(lambda session: session.retry_with_less())

    async def run_in_other_mode(self) -> None:
        turn_id = self._selected
        await self._screen.do(lambda session: session.turns.run_in_other_mode(turn_id))

    async def toggle_in_chat(self) -> None:
        turn_id = self._selected
        await self._screen.do(lambda session: self._commands.toggle_in_chat(session, turn_id))

    async def toggle_pin(self) -> None:
        turn_id = self._selected
        await self._screen.do(lambda session: self._commands.toggle_pin(session, turn_id))

    async def compact(self) -> None:
        await self._screen.do(lambda session: session.compact())
