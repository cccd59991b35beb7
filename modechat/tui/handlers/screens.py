"""Actions that open a screen of their own: models, settings, the log."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from modechat.domain.text import in_one_line

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


class ScreenActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    def choose_model(self) -> None:
        self._screen.talk(self._choose_model)

    async def _choose_model(self, session: ChatSession) -> None:
        from modechat.tui.screens.model_picker import ModelPicker

        await self._screen.app.push_screen_wait(
            ModelPicker(session, self._use_model, self._last_trouble)
        )

    async def _use_model(self, path: str) -> Incomplete | None:
        """In the order of everything else that was asked for; why it did nothing."""
        answer: asyncio.Future[Incomplete | None] = asyncio.get_running_loop().create_future()

        async def use(session: ChatSession) -> None:
            reason = await session.use_model(path)
            if not answer.done():
                answer.set_result(reason)

        await self._screen.do(use)
        return await answer

    def _last_trouble(self) -> str:
        troubles = self._screen.troubles
        return in_one_line(troubles[-1][1].title, troubles[-1][1].hint) if troubles else ""

    def settings(self) -> None:
        self._screen.talk(self._change_settings)

    async def _change_settings(self, session: ChatSession) -> None:
        from modechat.tui.screens.settings import SettingsScreen

        await self._screen.app.push_screen_wait(SettingsScreen(session))

    def show_log(self) -> None:
        from modechat.log_tail import LogTail
        from modechat.paths import engine_log_file
        from modechat.tui.screens.log import LogScreen

        self._screen.app.push_screen(
            LogScreen(LogTail(engine_log_file()), lambda: tuple(self._screen.troubles))
        )
