"""Actions about the view and the program: scrolling, folding, interrupting, quitting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.status import status_table

if TYPE_CHECKING:
    from modechat.tui.chat_context import ChatContext


class ViewActions:
    def __init__(self, context: ChatContext) -> None:
        self._context = context

    def toggle_thinking_view(self) -> None:
        if not self._context.transcript.toggle_thinking():
            self._context.say("No reply here has thinking to show.")

    async def scroll_back(self) -> None:
        await self._context.transcript.page_up()

    async def scroll_forward(self) -> None:
        await self._context.transcript.page_down()

    def follow(self) -> None:
        self._context.transcript.follow()

    async def tell_status(self) -> None:
        session = self._context.session
        if session is not None:
            await self._context.transcript.add(status_table(session), keeps_welcome=True)

    async def interrupt(self) -> None:
        """Copy the selected text; else stop the reply, clear the prompt, or say how to quit."""
        context, prompt = self._context, self._context.prompt
        await prompt.keys_are_handled()  # those keys may select text
        selected = context.screen.get_selected_text() or prompt.area.selected_text
        if selected:
            context.app.copy_to_clipboard(selected)
        elif context.composer.outbox.can_stop:
            await context.composer.outbox.stop()
        elif prompt.text:
            prompt.clear()
        else:
            context.say(f"{context.keymap.name('quit') or 'The palette'} quits.")

    def suspend(self) -> None:
        self._context.app.action_suspend_process()

    def quit(self) -> None:
        """Leave when everything that was asked for is done.

        A worker does it, because this action itself may be one of those.
        """
        self._context.screen.run_worker(self._context.app.action_quit(), name="leave")
