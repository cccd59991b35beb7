"""Typed commands, and their answers as lines: where the screen has lists to choose from, these are printed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from modechat.commands.conversation_commands import ConversationCommands, title_of
from modechat.commands.prompt_text import heading
from modechat.commands.requests import request_of, task_usage
from modechat.commands.session_commands import SessionCommands
from modechat.commands.setting_commands import SettingCommands, setting_lines
from modechat.commands.slash import SlashCommand, takes_no_words
from modechat.commands.status import mode_sentence, status_sentences
from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete, Task
from modechat.domain.text import ended, in_one_line, sanitize_line
from modechat.errors import EngineError
from modechat.log_tail import LogTail
from modechat.paths import engine_log_file
from modechat.plain.words import help_lines
from modechat.prompting.prompt_format import CHAT_TEMPLATE

if TYPE_CHECKING:
    from modechat.plain.output import Output
    from modechat.plain.view import PlainView
    from modechat.session.chat_session import ChatSession

_MOST_LISTED = 30
_MOST_LOG_LINES = 20


class PlainCommands:
    """Every command of the table of actions. `leave` ends the program."""

    def __init__(self, output: Output, view: PlainView, leave: Callable[[], None]) -> None:
        self._output = output
        self._view = view
        self._leave = leave
        self._session_commands = SessionCommands(view.say)
        self._conversation_commands = ConversationCommands(view.say)
        self._setting_commands = SettingCommands(view.say)

    async def run(self, command: SlashCommand, session: ChatSession) -> Incomplete | None:
        """Do what was typed; why not, if it cannot be done. Raises StoreError."""
        for commands in (
            self._session_commands,
            self._conversation_commands,
            self._setting_commands,
        ):
            if (work := commands.with_words(command)) is not None:
                return await work(session)
        if command.action.id == "inspect":
            return await self._show_prompt(session, command.words)
        if command.words:
            return takes_no_words(command)
        done = self._by_session(command.action.id, session) or self._by_words(
            command.action.id, session
        )
        if done is None:
            return Incomplete(
                f"/{command.action.slash} needs the screen: modechat without --plain, in a terminal."
            )
        return await done

    def _by_session(
        self, action_id: str, session: ChatSession
    ) -> Awaitable[Incomplete | None] | None:
        """What the session does alone; it tells what comes of it."""
        commands = self._session_commands
        match action_id:
            case "stop":
                return session.stop()
            case "regenerate":
                return session.regenerate()
            case "continue_reply":
                return session.turns.continue_reply()
            case "retry_with_less":
                return session.retry_with_less()
            case "run_in_other_mode":
                return session.turns.run_in_other_mode()
            case "compact":
                return session.compact()
            case "new_conversation":
                return session.new_conversation()
            case "try_format":
                return commands.try_format(session)
            case "toggle_pin":
                return commands.toggle_pin(session)
            case "toggle_thinking":
                return commands.toggle_thinking(session)
            case "choose_model":
                return commands.list_models(session)
            case "choose_adapters":
                return commands.tell_adapters(session)
            case "delete_conversation":
                return self._conversation_commands.delete_none(session)
            case _:
                return None

    def _by_words(
        self, action_id: str, session: ChatSession
    ) -> Awaitable[Incomplete | None] | None:
        """What is answered here."""
        match action_id:
            case "toggle_mode":
                return self._toggle_mode(session)
            case "toggle_in_chat":
                return self._session_commands.toggle_in_chat(session)
            case "toggle_thinking_view":
                return self._show_thoughts(session)
            case "choose_task":
                return self._list_tasks(session)
            case "choose_format":
                return self._list_formats(session)
            case "conversations":
                return self._list_conversations(session)
            case "scroll_back":
                return self._show_earlier()
            case "settings":
                return self._print(setting_lines(session))
            case "show_log":
                return self._show_log()
            case "tell_status":
                return self._print(status_sentences(session))
            case "help":
                return self._print(help_lines())
            case "quit":
                return self._quit()
            case _:
                return None

    async def _print(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._output.line(line)

    async def _show_log(self) -> None:
        """The last lines of the engine's log."""
        path = engine_log_file()
        lines, _ = await asyncio.to_thread(LogTail(path).read)
        await self._print(
            sanitize_line(line) for line in [f"The log is {path}:", *lines[-_MOST_LOG_LINES:]]
        )

    async def _quit(self) -> None:
        self._leave()

    async def _toggle_mode(self, session: ChatSession) -> None:
        await session.toggle_mode()
        self._view.say(mode_sentence(session.state))

    async def _show_thoughts(self, session: ChatSession) -> Incomplete | None:
        turn = session.conversation.last_turn if session.conversation is not None else None
        if turn is None or not turn.reply.thinking:
            return Incomplete("The last reply has no thinking to show.")
        self._output.line(f"The model thought: {turn.reply.thinking}")
        return None

    async def _show_earlier(self) -> Incomplete | None:
        return (
            None
            if self._view.show_earlier()
            else Incomplete("There is nothing earlier in this conversation.")
        )

    async def _show_prompt(self, session: ChatSession, words: str) -> Incomplete | None:
        """The prompt that the words would make; without words, that of the last turn."""
        request = request_of(words, session) if words else None
        turn = session.conversation.last_turn if session.conversation is not None else None
        if words and request is None:
            return Incomplete("That asks the model nothing, so it makes no prompt.")
        try:
            if request is not None:
                view = await session.prompts.next(request)
                mode = Mode.INSTRUCT if isinstance(request, Task) else Mode.CHAT
            elif turn is not None:
                view, mode = await session.prompts.of_turn(turn), turn.mode
            else:
                return Incomplete(
                    "There is no turn yet. /prompt TEXT shows the prompt that a text would make."
                )
        except EngineError as error:
            return Incomplete(in_one_line(error.title, error.hint))
        await self._print((*heading(view, mode), "The prompt begins in the next line."))
        self._output.line(view.text, as_it_is=True)
        self._output.line("The prompt ends.")
        return None

    # Lists

    async def _list_tasks(self, session: ChatSession) -> Incomplete | None:
        tasks = session.settings.tasks
        await self._print(
            ended(f"{task_usage(task)}: {sanitize_line(task.title)}") for task in tasks
        )
        return None if tasks else Incomplete("There are no named tasks.")

    async def _list_formats(self, session: ChatSession) -> None:
        model = session.model
        used = model.format if model is not None else ""
        rows = [("auto", "what fits the model")]
        if model is None or model.has_template:
            rows.append((CHAT_TEMPLATE, "the model's own"))
        rows += [
            (named.name, sanitize_line(named.title)) for named in session.settings.load.formats
        ]
        await self._print(
            f"/format {name}: {text}{', in use' if name == used else ''}." for name, text in rows
        )

    async def _list_conversations(self, session: ChatSession) -> Incomplete | None:
        every = await session.library.summaries()
        if not every:
            return Incomplete("No conversation is saved yet.")
        open_id = session.conversation.id if session.conversation is not None else None
        for summary in every[:_MOST_LISTED]:
            turns = f"{summary.turn_count} turn{'' if summary.turn_count == 1 else 's'}"
            when = summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
            here = ", open here" if summary.id == open_id else ""
            self._output.line(f"{summary.id}: {title_of(summary)}, {turns}, {when}{here}.")
        more = (
            f" {len(every) - _MOST_LISTED} older ones are not listed."
            if len(every) > _MOST_LISTED
            else ""
        )
        self._view.say(f"/open NUMBER opens one, /delete NUMBER deletes one.{more}")
        return None
