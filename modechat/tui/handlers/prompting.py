"""Actions about prompts and models, and commands that are typed: formats, tasks, thinking, adapters, the inspector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.conversation_commands import ConversationCommands
from modechat.commands.requests import needs_words, request_of, task_detail
from modechat.commands.session_commands import SessionCommands, thinks
from modechat.commands.slash import SlashCommand, takes_no_words
from modechat.commands.status import status_table
from modechat.domain.modes import Incomplete
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.typed import Typed
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


class PromptingActions:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._commands = SessionCommands(screen.flash_up)
        self._conversations = ConversationCommands(screen.flash_up)

    def connect(self, session: ChatSession) -> None:
        """From now on, names after commands can be completed."""
        self._screen.prompt.completer.names = lambda command: names_after(command, session)
        self._screen.prompt.completer.refuse = self._screen.flash_up

    async def run(self, command: SlashCommand, session: ChatSession) -> Incomplete | None:
        """Do what was typed; why not, if it cannot be done."""
        from modechat.commands.setting_commands import (
            SettingCommands,
        )  # the first frame does without pydantic

        for commands in (
            self._commands,
            self._conversations,
            SettingCommands(self._screen.flash_up),
        ):
            if (work := commands.with_words(command)) is not None:
                return await work(session)
        match command.action.id:
            case "choose_model" if session.phase is Phase.DOWN and session.has_previous_model:
                return await session.use_model()
            case "inspect":
                self._inspect(session, command.words)
            case "compare" if command.words:
                from modechat.tui.handlers.comparing import ComparingActions

                return await ComparingActions(self._screen).compare_text(command.words, session)
            case "quit":  # leaving waits for what was asked for, such as this
                self._screen.run_worker(self._screen.app.action_quit(), name="leave")
            case _ if command.words:
                return takes_no_words(command)
            case action:
                await self._screen.action_act(action)
        return None

    async def try_format(self) -> None:
        await self._screen.do(self._commands.try_format)

    async def choose_adapters(self) -> None:
        await self._screen.do(self._commands.tell_adapters)

    async def toggle_thinking(self) -> None:
        await self._screen.do(self._commands.toggle_thinking)

    async def tell_status(self) -> None:
        await self._screen.do(self._tell_status)

    async def _tell_status(self, session: ChatSession) -> None:
        await self._screen.transcript.add(status_table(session), keeps_welcome=True)

    async def delete_conversation(self) -> None:
        await self._screen.do(self._conversations.delete_none)

    def thinking_label(self, session: ChatSession | None) -> str:
        """What the switch is called, with its state."""
        state = thinks(session) if session is not None else None
        return "Thinking" if state is None else f"Thinking: switch {'off' if state else 'on'}"

    # Formats

    def choose_format(self) -> None:
        self._screen.talk(self._choose_format)

    async def _choose_format(self, session: ChatSession) -> None:
        """Let the user choose from the list, and use it from now on."""
        from modechat.prompting.prompt_format import CHAT_TEMPLATE
        from modechat.tui.screens.picker import Choice, PickerScreen

        model = session.model
        used = model.format if model is not None else ""
        rows: list[tuple[str | None, Choice]] = [(None, Choice("automatic", "what fits the model"))]
        if model is None or model.has_template:
            rows.append(
                (
                    CHAT_TEMPLATE,
                    Choice(CHAT_TEMPLATE, "the model's own", is_current=used == CHAT_TEMPLATE),
                )
            )
        for named in session.settings.load.formats:
            source = f"{named.origin} · {named.source}"
            rows.append(
                (named.name, Choice(named.name, named.title, source, is_current=used == named.name))
            )
        chosen = await self._screen.app.push_screen_wait(
            PickerScreen("Prompt format", [choice for _, choice in rows])
        )
        if chosen is not None:
            name = rows[chosen][0]
            await self._screen.do(lambda session: self._commands.use_format(session, name))

    # Named tasks

    def choose_task(self) -> None:
        self._screen.talk(self._choose_task)

    async def _choose_task(self, session: ChatSession) -> None:
        from modechat.tui.screens.picker import Choice, PickerScreen

        tasks = session.settings.tasks
        choices = [Choice(task.name, task.title, task_detail(task)) for task in tasks]
        chosen = await self._screen.app.push_screen_wait(PickerScreen("Tasks", choices))
        if chosen is not None:
            await self.begin_task(tasks[chosen])

    async def begin_task(self, task: NamedTask) -> None:
        """Do a task that was chosen from a list: at the prompt, if it needs more words."""
        if needs_words(task):
            self._screen.prompt.fill(f"/task {task.name} ")
        else:
            await self._screen.do(lambda session: session.start_task(task, ""))

    # The inspector

    async def inspect(self) -> None:
        """Look at the prompt that the text at the prompt would make; without text, at that of the last turn."""
        await self._screen.prompt.keys_are_handled()
        text = await self._screen.composer.expanded()
        if isinstance(text, Incomplete):
            self._screen.flash_up(text.reason)
        elif self._screen.session is not None:
            self._inspect(self._screen.session, text)

    def _inspect(self, session: ChatSession, text: str | Typed) -> None:
        from modechat.tui.screens.inspector import InspectorScreen

        self._screen.app.push_screen(InspectorScreen(session, request_of(text, session)))


def names_after(command: str, session: ChatSession) -> list[tuple[str, str]]:
    """The names that may follow a typed command, each with what it is."""
    match command:
        case "task":
            return [(task.name, task.title) for task in session.settings.tasks]
        case "format":
            named = [(known.name, known.title) for known in session.settings.load.formats]
            return [("auto", "what fits the model"), *named]
        case "think":
            return [
                ("on", "think first"),
                ("off", "answer at once"),
                ("auto", "as the model's template has it"),
            ]
        case "lora":
            return [("off", "apply no adapter")]
        case _:
            return []
