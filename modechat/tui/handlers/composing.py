"""Actions about the text at the prompt: undo, what was sent before, pasted text, an editor."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


class ComposingActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    def undo(self) -> None:
        self._screen.prompt.area.undo()

    def redo(self) -> None:
        self._screen.prompt.area.redo()

    async def take_back(self) -> None:
        await self._screen.prompt.keys_are_handled()
        if not self._screen.composer.take_back():
            self._screen.flash_up("Nothing is queued.")

    def open_paste(self) -> None:
        if reason := self._screen.prompt.area.open_token():
            self._screen.flash_up(reason)

    def search_history(self) -> None:
        self._screen.talk(self._search)

    async def _search(self, session: ChatSession) -> None:  # noqa: ARG002
        from modechat.tui.screens.history import HistoryScreen

        prompt = self._screen.prompt
        chosen = await self._screen.app.push_screen_wait(HistoryScreen(prompt.recall.entries))
        if chosen is not None:
            prompt.fill(chosen)

    async def edit_in_editor(self) -> None:
        from modechat.tui.editor import edit

        await self._screen.prompt.keys_are_handled()
        typed = self._screen.prompt.typed
        edited = await edit(self._screen.app, typed.text)
        if isinstance(edited, str):
            if edited != typed.text:
                self._screen.prompt.area.show_edited(typed, edited)
        else:
            self._screen.flash_up(edited.reason)
