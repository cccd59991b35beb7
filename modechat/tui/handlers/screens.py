"""Actions that open a screen: conversations, models, formats, settings, the log, help, themes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from modechat.commands.dispatch import begin_new_conversation
from modechat.commands.session_commands import SessionCommands
from modechat.domain.text import in_one_line

if TYPE_CHECKING:
    from modechat.domain.modes import Incomplete
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

        chosen = await self._context.app.push_screen_wait(ConversationsScreen(session, _now))
        if chosen is None:
            return
        conversation_id = chosen.summary.id
        if session.conversation_id != conversation_id:
            await self._context.composer.leave_conversation(partial(_open, number=conversation_id))
        if (found := chosen.found) is not None:
            show = partial(_show, number=conversation_id, turn_id=found.turn_id)
            self._context.composer.outbox.put(show)

    # The model

    def choose_model(self) -> None:
        self._context.begin_dialogue(self._choose_model)

    async def _choose_model(self, session: ChatSession) -> None:
        from modechat.tui.screens.model_picker import ModelPicker

        picker = ModelPicker(session, self._use_model, self._last_trouble)
        await self._context.app.push_screen_wait(picker)

    async def _use_model(self, path: str) -> Incomplete | None:
        """Use a model, after everything else that was asked for.

        Return the reason if it cannot be used.
        """
        answer: asyncio.Future[Incomplete | None] = asyncio.get_running_loop().create_future()

        async def use(session: ChatSession) -> None:
            reason = await session.model_choice.use(path)
            if not answer.done():
                answer.set_result(reason)

        await self._context.do(use)
        return await answer

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


def _now() -> datetime:
    return datetime.now(UTC)


async def _open(session: ChatSession, number: int) -> Incomplete | None:
    return await session.library.open(number)


async def _show(session: ChatSession, number: int, turn_id: int) -> Incomplete | None:
    return await session.turns.show(number, turn_id)
