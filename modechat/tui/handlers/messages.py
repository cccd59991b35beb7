"""Actions about the selected message, or about the last one if none is selected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from modechat.domain.conversation import message_text
from modechat.domain.counted import counted
from modechat.user_paths import working_folder

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.domain.modes import Incomplete
    from modechat.session.chat_session import ChatSession
    from modechat.tui.chat_context import ChatContext
    from modechat.tui.widgets.turn import TurnView

_NOTHING = "There is no message yet."


class MessageActions:
    def __init__(
        self,
        context: ChatContext,
        act: Callable[[str], Awaitable[None]],
        compare: Callable[[Turn], None],
    ) -> None:
        """Call `act` to do an action of the table, and `compare` to compare replies to a turn."""
        self._context = context
        self._transcript = context.transcript
        self._act = act
        self._compare = compare

    @property
    def _turn(self) -> TurnView | None:
        """The selected turn, or the last one."""
        return self._transcript.selection.turn or next(reversed(self._transcript.turns), None)

    # Selecting

    async def select_earlier(self) -> None:
        await self._transcript.selection.move(-1)

    async def select_later(self) -> None:
        await self._transcript.selection.move(1)

    def message_menu(self) -> None:
        """Let the user choose what to do with the message."""
        self._context.begin_dialogue(self._choose)

    async def _choose(self, session: ChatSession) -> None:
        from modechat.tui.screens.message_menu import COPY_CODE, SAVE_CODE, MessageMenu

        turn = self._turn
        if turn is None:
            self._context.say(_NOTHING)
            return
        variants = await session.turns.variants(turn.turn_id)
        is_request = self._is_request
        screen = MessageMenu(turn.turn, self._code_titles(turn), is_request, variants)
        match await self._context.app.push_screen_wait(screen):
            case None:
                pass
            case (action_id, number) if action_id == COPY_CODE:
                self.copy_code_block(turn, number)
            case (action_id, number) if action_id == SAVE_CODE:
                await self._save(turn, number)
            case ("compare", _):
                self._compare(turn.turn)
            case (action_id, _):
                if self._turn is not turn:  # a queued message was sent meanwhile
                    self._transcript.selection.select(turn.turn_id, is_reply=not is_request)
                await self._act(action_id)

    # Copying

    def copy_message(self) -> None:
        """Copy the message as it was written."""
        if (turn := self._turn) is None:
            self._context.say(_NOTHING)
        elif self._is_request:
            self._context.app.copy_to_clipboard(turn.turn.typed or message_text(turn.turn.request))
        elif turn.reply.reply.source:
            self._context.app.copy_to_clipboard(turn.reply.reply.source)
        else:
            self._context.say("This reply has no text.")

    def copy_code(self) -> None:
        """Copy the last code block of the reply."""
        turn = self._turn_with_code()
        if turn is not None:
            self.copy_code_block(turn, len(turn.reply.reply.answer.code_blocks))

    def _turn_with_code(self) -> TurnView | None:
        """Return the turn. If its reply has no code block, say so and return None."""
        turn = self._turn
        if turn is not None and turn.reply.reply.answer.code_blocks:
            return turn
        self._context.say("This reply has no code block.")
        return None

    def copy_code_block(self, turn: TurnView, number: int) -> None:
        blocks = turn.reply.reply.answer.code_blocks
        if 0 < number <= len(blocks):
            self._context.app.copy_to_clipboard(blocks[number - 1].source)

    def save_code(self) -> None:
        """Save the last code block of the reply to a file."""
        turn = self._turn_with_code()
        if turn is not None:
            number = len(turn.reply.reply.answer.code_blocks)

            async def save(_session: ChatSession) -> None:
                await self._save(turn, number)

            self._context.begin_dialogue(save)

    async def _save(self, turn: TurnView, number: int) -> None:
        from modechat.tui.screens.save_code import SaveCodeScreen

        block = turn.reply.reply.answer.code_blocks[number - 1]
        screen = SaveCodeScreen(block.source, block.language, working_folder())
        saved = await self._context.app.push_screen_wait(screen)
        if saved is not None:
            self._context.say(f"Code block {number} is in {saved}.")

    # At the prompt

    def quote_message(self) -> None:
        """Put the message into the prompt as a quotation, or only the selected text."""
        turn = self._turn
        if turn is None:
            self._context.say(_NOTHING)
            return
        text = self._context.screen.get_selected_text()
        if not text:
            text = message_text(turn.turn.request) if self._is_request else turn.reply.reply.source
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))
        before = self._context.prompt.text.rstrip("\n")
        self._context.prompt.fill(f"{before}\n\n{quoted}\n\n" if before else f"{quoted}\n\n")
        self._transcript.selection.clear()
        self._transcript.follow()

    def edit_message(self) -> None:
        """Put the message into the prompt; the edited one is sent in its place."""
        turn = self._turn
        if turn is None:
            self._context.say(_NOTHING)
            return
        self._context.composer.begin_editing(turn.turn)

    def delete_message(self) -> None:
        """Delete the turn after the user confirms it."""
        self._context.begin_dialogue(self._delete)

    async def _delete(self, _session: ChatSession) -> None:
        from modechat.tui.screens.confirm import ConfirmScreen

        turn = self._turn
        if turn is None:
            self._context.say(_NOTHING)
            return
        question = "Delete this message and its reply for good?"
        if await self._context.app.push_screen_wait(ConfirmScreen("Delete", question, "Delete")):
            await self._context.do(partial(_delete_turn, turn_id=turn.turn_id))

    @property
    def _is_request(self) -> bool:
        return self._transcript.selection.is_request

    @staticmethod
    def _code_titles(turn: TurnView) -> tuple[str, ...]:
        blocks = turn.reply.reply.answer.code_blocks
        return tuple(
            f"{block.language or 'text'}, {counted(block.source.count(chr(10)) + 1, 'line')}"
            for block in blocks
        )


async def _delete_turn(session: ChatSession, turn_id: int) -> Incomplete | None:
    return await session.turns.delete(turn_id)
