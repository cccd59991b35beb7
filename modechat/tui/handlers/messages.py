"""Actions about the selected message, or the last one where none is selected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modechat.domain.conversation import message_text

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen
    from modechat.tui.widgets.turn import TurnView

_NOTHING = "There is no message yet."


class MessageActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen

    @property
    def _turn(self) -> TurnView | None:
        """The turn that is meant."""
        transcript = self._screen.transcript
        return transcript.selection.turn or next(reversed(transcript.turns), None)

    # Selecting

    async def select_earlier(self) -> None:
        await self._screen.transcript.selection.move(-1)

    async def select_later(self) -> None:
        await self._screen.transcript.selection.move(1)

    def message_menu(self) -> None:
        """Let the user choose what to do with the message."""
        self._screen.talk(self._choose)

    async def _choose(self, session: ChatSession) -> None:
        from modechat.tui.handlers.comparing import ComparingActions
        from modechat.tui.screens.message_menu import COPY_CODE, SAVE_CODE, MessageMenu

        turn = self._turn
        if turn is None:
            self._screen.flash_up(_NOTHING)
            return
        variants = await session.turns.variants(turn.turn_id)
        is_request = self._is_request
        screen = MessageMenu(turn.turn, self._code_titles(turn), is_request, variants)
        match await self._screen.app.push_screen_wait(screen):
            case None:
                pass
            case (action_id, number) if action_id == COPY_CODE:
                self._copy_code(turn, number)
            case (action_id, number) if action_id == SAVE_CODE:
                await self._save(turn, number)
            case ("compare", _):
                ComparingActions(self._screen).compare_turn(turn.turn)
            case (action_id, _):
                if self._turn is not turn:  # a queued message was sent meanwhile
                    self._screen.transcript.selection.select(turn.turn_id, is_reply=not is_request)
                await self._screen.action_act(action_id)

    # Copying

    def copy_message(self) -> None:
        """Copy the message as it was written."""
        if (turn := self._turn) is None:
            self._screen.flash_up(_NOTHING)
        elif self._is_request:
            self._screen.app.copy_to_clipboard(turn.turn.typed or message_text(turn.turn.request))
        elif turn.reply.reply.source:
            self._screen.app.copy_to_clipboard(turn.reply.reply.source)
        else:
            self._screen.flash_up("This reply has no text.")

    def copy_code(self) -> None:
        """Copy the last code block of the reply."""
        turn = self._turn
        if turn is None or not turn.reply.reply.answer.code_blocks:
            self._screen.flash_up("This reply has no code block.")
        else:
            self._copy_code(turn, len(turn.reply.reply.answer.code_blocks))

    def code_clicked(self, turn: TurnView, number: int) -> None:
        self._copy_code(turn, number)

    def _copy_code(self, turn: TurnView, number: int) -> None:
        blocks = turn.reply.reply.answer.code_blocks
        if 0 < number <= len(blocks):
            self._screen.app.copy_to_clipboard(blocks[number - 1].source)

    def save_code(self) -> None:
        """Save the last code block of the reply to a file."""
        turn = self._turn
        if turn is None or not turn.reply.reply.answer.code_blocks:
            self._screen.flash_up("This reply has no code block.")
        else:
            number = len(turn.reply.reply.answer.code_blocks)
            self._screen.talk(lambda _session: self._save(turn, number))

    async def _save(self, turn: TurnView, number: int) -> None:
        from modechat.tui.screens.save_code import SaveCodeScreen

        block = turn.reply.reply.answer.code_blocks[number - 1]
        saved = await self._screen.app.push_screen_wait(
            SaveCodeScreen(block.source, block.language, Path.cwd())
        )
        if saved is not None:
            self._screen.flash_up(f"Code block {number} is in {saved}.")

    # At the prompt

    def quote_message(self) -> None:
        """Put the message into the prompt as a quotation; of a selected text only that."""
        turn = self._turn
        if turn is None:
            self._screen.flash_up(_NOTHING)
            return
        text = self._screen.get_selected_text()
        if not text:
            text = message_text(turn.turn.request) if self._is_request else turn.reply.reply.source
        quoted = "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))
        before = self._screen.prompt.text.rstrip("\n")
        self._screen.prompt.fill(f"{before}\n\n{quoted}\n\n" if before else f"{quoted}\n\n")
        self._screen.transcript.selection.clear()
        self._screen.transcript.follow()

    def edit_message(self) -> None:
        """Put the message into the prompt, to be sent in its place."""
        turn = self._turn
        if turn is None:
            self._screen.flash_up(_NOTHING)
            return
        self._screen.composer.begin_editing(turn.turn)

    # Variants

    async def earlier_variant(self) -> None:
        await self._show_variant(-1)

    async def later_variant(self) -> None:
        await self._show_variant(1)

    async def _show_variant(self, step: int) -> None:
        turn_id = self._screen.transcript.selection.turn_id
        await self._screen.do(lambda session: session.turns.show_variant(step, turn_id))

    def delete_message(self) -> None:
        """Delete the turn, after asking."""
        self._screen.talk(self._delete)

    async def _delete(self, _session: ChatSession) -> None:
        from modechat.tui.screens.confirm import ConfirmScreen

        turn = self._turn
        if turn is None:
            self._screen.flash_up(_NOTHING)
            return
        question = "Delete this message and its reply for good?"
        if await self._screen.app.push_screen_wait(ConfirmScreen("Delete", question, "Delete")):
            turn_id = turn.turn_id
            await self._screen.do(lambda session: session.turns.delete(turn_id))

    @property
    def _is_request(self) -> bool:
        return self._screen.transcript.selection.is_request

    @staticmethod
    def _code_titles(turn: TurnView) -> tuple[str, ...]:
        blocks = turn.reply.reply.answer.code_blocks
        return tuple(
            f"{block.language or 'text'}, {_lines(block.source.count(chr(10)) + 1)}"
            for block in blocks
        )


def _lines(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'}"
