"""Actions about the program itself: help, the key that interrupts, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.tui.screens.chat import ChatScreen


class ProgramActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    def help(self) -> None:
        from modechat.tui.screens.help import HelpScreen

        self._screen.app.push_screen(HelpScreen(self._screen.keymap))

    async def palette(self) -> None:
        await self._screen.app.run_action("palette")

    async def interrupt(self) -> None:
        """Copy what is selected; else stop the reply; else clear the prompt; else say how to quit."""
        screen = self._screen
        await screen.prompt.keys_are_handled()  # they may have selected something
        if selected := screen.get_selected_text() or screen.prompt.area.selected_text:
            screen.app.copy_to_clipboard(selected)
        elif screen.session is not None and screen.session.is_busy:
            await screen.session.stop()
        elif screen.prompt.text:
            screen.prompt.clear()
        else:
            screen.flash_up(f"{screen.keymap.name('quit') or 'The palette'} quits.")

    def suspend(self) -> None:
        self._screen.app.action_suspend_process()

    async def quit(self) -> None:
        await self._screen.app.action_quit()
