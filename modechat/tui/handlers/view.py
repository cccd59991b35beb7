"""Actions about what is seen: scrolling and folding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.tui.screens.chat import ChatScreen


class ViewActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    def toggle_thinking_view(self) -> None:
        if not self._screen.transcript.toggle_thinking():
            self._screen.flash_up("No reply here has thinking to show.")

    async def scroll_back(self) -> None:
        await self._screen.transcript.page_up()

    async def scroll_forward(self) -> None:
        await self._screen.transcript.page_down()

    def follow(self) -> None:
        self._screen.transcript.follow()

    def choose_theme(self) -> None:
        from modechat.tui.screens.themes import ThemesScreen

        self._screen.app.push_screen(ThemesScreen())
