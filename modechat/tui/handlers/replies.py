"""Actions about turns and their replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.session_commands import SessionCommands

if TYPE_CHECKING:
    from modechat.tui.screens.chat import ChatScreen


class ReplyActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    async def stop(self) -> None:
        await self._screen.stop()

    async def toggle_mode(self) -> None:
        await self._screen.do(lambda session: session.toggle_mode())

    async def regenerate(self) -> None:
        await self._screen.do(lambda session: session.regenerate())

    async def continue_reply(self) -> None:
        await self._screen.do(lambda session: session.continue_reply())

    async def retry_with_less(self) -> None:
        await self._screen.do(lambda session: session.retry_with_less())

    async def run_in_other_mode(self) -> None:
        await self._screen.do(lambda session: session.run_in_other_mode())

    async def toggle_in_chat(self) -> None:
        await self._screen.do(lambda session: session.toggle_in_chat())

    async def toggle_pin(self) -> None:
        await self._screen.do(SessionCommands(self._screen.flash_up).toggle_pin)

    async def compact(self) -> None:
        await self._screen.do(lambda session: session.compact())
