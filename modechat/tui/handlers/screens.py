"""Actions that open a screen: conversations, models, formats, settings, the log, help, themes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from modechat.commands.dispatch import Work, begin_new_conversation
from modechat.commands.session_commands import SessionCommands
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line
from modechat.errors import StoreError

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.session.events import Trouble
    from modechat.tui.chat_context import ChatContext


class ScreenActions:
    def __init__(self, context: ChatContext, troubles: Sequence[tuple[datetime, Trouble]]) -> None:
        """Show `troubles` in the log: errors since the start, oldest first. The sequence grows."""
        self._context = context
        self._troubles = troubles

    # Conversations

    async def new_conversation(self) -> None:
        await self._context.composer.leave_conversation(begin_new_conversation)

    def conversations(self) -> None:
        self._context.begin_dialogue(self._choose_conversation)

    async def _choose_conversation(self, session: ChatSession) -> None:
        from modechat.tui.screens.conversations import ConversationsScreen

        screen = ConversationsScreen(session, self._delete, _now)
        chosen = await self._context.app.push_screen_wait(screen)
        if chosen is None:
            return
        conversation_id = chosen.summary.id
        if session.conversation_id != conversation_id:
            await self._context.composer.leave_conversation(partial(_open, number=conversation_id))
        if (found := chosen.found) is not None:
            show = partial(_show, number=conversation_id, turn_id=found.turn_id)
            self._context.composer.outbox.put(show)

    async def _delete(self, conversation_id: int) -> Incomplete | None:
        return await self._do_in_turn(partial(_delete, number=conversation_id))

    # The model

    def choose_model(self) -> None:
        self._context.begin_dialogue(self._choose_model)

    async def _choose_model(self, session: ChatSession) -> None:
        from modechat.tui.screens.model_picker import ModelPicker

        picker = ModelPicker(session, self._use_model, self._last_trouble)
        await self._context.app.push_screen_wait(picker)

    async def _use_model(self, path: str) -> Incomplete | None:
        """Use a model; return the reason if it cannot be used."""
        try:
            return await self._do_in_turn(partial(_use, path=path))
        except StoreError as error:
            return Incomplete(in_one_line(error.title, error.hint))

    def _last_trouble(self) -> str:
        if not self._troubles:
            return ""
        _, trouble = self._troubles[-1]
        return in_one_line(trouble.title, trouble.hint)

    def choose_format(self) -> None:
        self._context.begin_dialogue(self._choose_format)

    async def _choose_format(self, session: ChatSession) -> None:
        """Let the user choose a format, and use it from now on."""
        from modechat.tui.screens.format_picker import pick_format

        model = session.model
        used = model.format if model is not None else ""
        picked = await pick_format(self._context.app, session, used, model=model)
        if picked is not None:
            commands = SessionCommands(self._context.say)
            await self._context.do(partial(commands.use_format, name=picked.name))

    # The program

    def settings(self) -> None:
        self._context.begin_dialogue(self._change_settings)

    async def _change_settings(self, session: ChatSession) -> None:
        from modechat.tui.screens.settings import SettingsScreen

        await self._context.app.push_screen_wait(SettingsScreen(session))

    def show_log(self) -> None:
        from modechat.log_tail import LogTail
        from modechat.paths import engine_log_file
        from modechat.tui.screens.log import LogScreen

        log = LogTail(engine_log_file())
        self._context.app.push_screen(LogScreen(log, partial(tuple, self._troubles)))

    def help(self) -> None:
        from modechat.tui.screens.help import HelpScreen

        self._context.app.push_screen(HelpScreen(self._context.keymap))

    async def palette(self) -> None:
        await self._context.app.run_action("palette")

    async def choose_theme(self) -> None:
        await self._context.app.run_action("choose_theme")

    async def _do_in_turn(self, work: Work) -> Incomplete | None:
        """Do `work` after everything that was asked for before.

        Return the reason if it did nothing. Raises StoreError. A dialogue that was closed meanwhile
        is not told; then the reason and the error are shown as those of a key.
        """
        answer: asyncio.Future[Incomplete | None] = asyncio.get_running_loop().create_future()

        async def do(session: ChatSession) -> Incomplete | None:
            try:
                reason = await work(session)
                if answer.done():
                    return reason
                answer.set_result(reason)
            except StoreError as error:
                if answer.done():
                    raise
                answer.set_exception(error)
            finally:
                answer.cancel()  # of no effect if there is an answer
            return None

        await self._context.do(do)
        return await answer


def _now() -> datetime:
    return datetime.now(UTC)


async def _open(session: ChatSession, number: int) -> Incomplete | None:
    return await session.library.open(number)


async def _delete(session: ChatSession, number: int) -> Incomplete | None:
    return await session.library.delete(number)


async def _use(session: ChatSession, path: str) -> Incomplete | None:
    return await session.model_choice.use(path)


async def _show(session: ChatSession, number: int, turn_id: int) -> Incomplete | None:
    return await session.turns.show(number, turn_id)
