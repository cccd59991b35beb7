"""What the user asks about prompts and models: formats, tasks, thinking, the inspector, and what is typed as a command.

Acts through the chat screen, which owns the widgets and the order of commands.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from modechat.domain.conversation import StopReason
from modechat.domain.lora import lora_label
from modechat.domain.modes import ChatMessage, Incomplete, Task, parse
from modechat.domain.text import sanitize_line
from modechat.errors import ModelError
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.phase import Phase
from modechat.tui.slash import SlashCommand, read_slash, without_escape, word_of

if TYPE_CHECKING:
    from modechat.engine.protocol import Adapter
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen

_NOT_LOADED = Incomplete("The model is not loaded yet.")
_NO_SWITCH = Incomplete("This model's template has no switch for thinking.")
_THINKING = {"on": True, "off": False, "auto": None}
_AUTO = "auto"
_OFF = "off"


class ChatCommands:
    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._tried: dict[tuple[int, int | None], set[str]] = {}
        """The formats that a message was asked in, by its conversation and the turn before it."""

    # Typed commands

    async def run(self, command: SlashCommand, session: ChatSession) -> Incomplete | None:
        """Do what was typed; why not, if it cannot be done."""
        match command.action.id:
            case "choose_task" if command.words:
                return await self._start_named(session, command.words)
            case "choose_format" if command.words:
                return await self._use_named(session, command.words)
            case "choose_model" if command.words:
                return await session.use_model(command.words)
            case "choose_adapters" if command.words:
                return await self._use_adapters(session, command.words)
            case "toggle_thinking" if command.words:
                return self._set_thinking(session, command.words)
            case "inspect":
                self._inspect(session, command.words)
            case _ if command.words:
                return Incomplete(
                    f"/{command.action.slash} takes no words. \\/{command.action.slash} … sends the text."
                )
            case action:
                await self._screen.run_action(f"screen.{action}")
        return None

    # Formats

    async def try_format(self, session: ChatSession) -> Incomplete | None:
        """Ask the last message again in the format that is likeliest right of those that were not tried."""
        from modechat.prompting.candidates import next_format

        conversation, model = session.conversation, session.model
        turn = conversation.last_turn if conversation is not None else None
        if conversation is None or turn is None:
            return Incomplete("There is no message yet that could be asked in another format.")
        if model is None:
            return _NOT_LOADED
        tried = self._tried.setdefault((conversation.id, turn.parent_id), set())
        tried.add(model.format)
        stats = turn.reply.stats
        if stats is not None:
            tried.add(stats.format)
        leak = stats.leak if stats is not None and turn.reply.stop_reason is StopReason.LEAK else ""
        name = next_format(session.settings.load.formats, tried, leak=leak, has_template=model.has_template)
        if name is None:
            tried.clear()
            return Incomplete("Every format was tried for this message. /format chooses one.")
        reason = await session.try_format(name)
        if reason is None:
            self._screen.flash_up(f"Trying the format “{name}”. /format {name} keeps it for this model.")
        return reason

    async def choose_format(self, session: ChatSession) -> None:
        """Let the user choose from the list, and use it from now on."""
        from modechat.prompting.prompt_format import CHAT_TEMPLATE
        from modechat.tui.screens.picker import Choice, PickerScreen

        model = session.model
        used = model.format if model is not None else ""
        rows: list[tuple[str | None, Choice]] = [(None, Choice("automatic", "what fits the model"))]
        if model is None or model.has_template:
            rows.append((CHAT_TEMPLATE, Choice(CHAT_TEMPLATE, "the model's own", is_current=used == CHAT_TEMPLATE)))
        for named in session.settings.load.formats:
            source = f"{named.origin} · {named.source}"
            rows.append((named.name, Choice(named.name, named.title, source, is_current=used == named.name)))
        chosen = await self._screen.app.push_screen_wait(PickerScreen("Prompt format", [choice for _, choice in rows]))
        if chosen is not None:
            name = rows[chosen][0]
            await self._screen.do(lambda session: self._use(session, name))

    async def _use_named(self, session: ChatSession, words: str) -> Incomplete | None:
        from modechat.prompting.prompt_format import CHAT_TEMPLATE

        names = [_AUTO, CHAT_TEMPLATE, *(named.name for named in session.settings.load.formats)]
        name = words.casefold()
        if name not in names:
            return _unknown("format", words, names)
        return await self._use(session, None if name == _AUTO else name)

    async def _use(self, session: ChatSession, name: str | None) -> Incomplete | None:
        reason = await session.use_format(name)
        if reason is None:
            what = f"“{name}” is" if name is not None else "what fits it is"
            self._screen.flash_up(f"The prompt format of this model: {what} used from now on.")
        return reason

    # The model

    async def tell_model(self, session: ChatSession) -> Incomplete | None:
        """Which model it is. If it could not be loaded, go back to the one before."""
        if session.phase is Phase.DOWN and session.has_previous_model:
            return await session.use_model()
        path = sanitize_line(session.settings.load.model_path)
        self._screen.flash_up(f"The model is {path}. /model PATH goes on with another one.")
        return None

    # LoRA adapters

    async def tell_adapters(self, session: ChatSession) -> Incomplete | None:
        """Which ones are applied."""
        shown = ", ".join(_shown_adapter(adapter) for adapter in session.adapters)
        what = f"Applied: {shown}. /lora off takes them away." if shown else "No LoRA adapter is applied."
        self._screen.flash_up(f"{what} /lora FILE[:SCALE] applies one.")
        return None

    async def _use_adapters(self, session: ChatSession, words: str) -> Incomplete | None:
        """Apply one more, or one of them with another scale; or none."""
        adapters: tuple[Adapter, ...] = ()
        if words.casefold() != _OFF:
            try:
                named = await asyncio.to_thread(session.settings.adapter_named, words)
            except ModelError as error:
                return Incomplete(f"{error.title.rstrip('.')}. {error.hint}".strip())
            adapters = (*(other for other in session.adapters if other.path != named.path), named)
        return await session.use_adapters(adapters) or await self.tell_adapters(session)

    # Named tasks

    async def choose_task(self, session: ChatSession) -> None:
        from modechat.tui.screens.picker import Choice, PickerScreen

        tasks = session.settings.tasks
        choices = [Choice(task.name, task.title, task_usage(task)) for task in tasks]
        chosen = await self._screen.app.push_screen_wait(PickerScreen("Tasks", choices))
        if chosen is not None:
            await self.begin_task(tasks[chosen])

    async def begin_task(self, task: NamedTask) -> None:
        """Do a task that was chosen from a list: at the prompt, if it needs more words."""
        if needs_words(task):
            self._screen.prompt.fill(f"/task {task.name} ")
        else:
            await self._screen.do(lambda session: session.start_task(task, ""))

    async def _start_named(self, session: ChatSession, words: str) -> Incomplete | None:
        name, said = word_of(words)
        task = session.settings.task(name.casefold())
        if task is None:
            return _unknown("task", name, [task.name for task in session.settings.tasks])
        return await session.start_task(task, said)

    # Thinking

    async def toggle_thinking(self, session: ChatSession) -> Incomplete | None:
        thinks = self._thinks(session)
        return self._set_thinking(session, "on" if thinks is False else "off")

    def thinking_label(self, session: ChatSession | None) -> str:
        """What the switch is called, with its state."""
        thinks = self._thinks(session) if session is not None else None
        return "Thinking" if thinks is None else f"Thinking: switch {'off' if thinks else 'on'}"

    @staticmethod
    def _thinks(session: ChatSession) -> bool | None:
        """Whether the model thinks before it answers; None if one cannot choose."""
        if session.model is None or session.model.thinking is ThinkingSwitch.NONE:
            return None
        wanted = session.settings.thinking
        return session.model.thinking is ThinkingSwitch.ON if wanted is None else wanted

    def _set_thinking(self, session: ChatSession, word: str) -> Incomplete | None:
        if word.casefold() not in _THINKING:
            return Incomplete("/think on, /think off, or /think auto: as the model's template has it.")
        if session.model is None:
            return _NOT_LOADED
        if session.model.thinking is ThinkingSwitch.NONE:
            return _NO_SWITCH
        session.set_thinking(_THINKING[word.casefold()])
        thinks = self._thinks(session)
        self._screen.flash_up(f"From now on the model {'thinks before it answers' if thinks else 'does not think'}.")
        return None

    # The inspector

    def inspect(self, session: ChatSession) -> None:
        """Look at the prompt that the text at the prompt would make; without text, at that of the last turn."""
        self._inspect(session, self._screen.prompt.text)

    def _inspect(self, session: ChatSession, text: str) -> None:
        from modechat.tui.screens.inspector import InspectorScreen

        self._screen.app.push_screen(InspectorScreen(session, request_of(text, session)))


def request_of(text: str, session: ChatSession) -> ChatMessage | Task | None:
    """What `text` would ask the model if it was sent; None if nothing."""
    command = read_slash(text)
    if command is None:
        meant = parse(without_escape(text), session.state)
    elif command.action.id == "choose_task" and command.words:
        name, said = word_of(command.words)
        task = session.settings.task(name.casefold())
        meant = task.read(said) if task is not None else Incomplete("")
    else:
        return None
    return meant if isinstance(meant, ChatMessage | Task) else None


def needs_words(task: NamedTask) -> bool:
    """Whether the task cannot begin without words after its name."""
    return task.argument is not None and not task.argument.default


def task_usage(task: NamedTask) -> str:
    """The command for a task as the help writes it: `/task translate LANGUAGE`."""
    if task.argument is None:
        return f"/task {task.name}"
    word = task.argument.name.upper()
    return f"/task {task.name} " + (f"[{word}]" if task.argument.default else word)


def _shown_adapter(adapter: Adapter) -> str:
    label = sanitize_line(lora_label(adapter.path, adapter.scale))
    return f"{label} ({adapter.mode})" if adapter.mode is not None else label


def _unknown(kind: str, name: str, known: Iterable[str]) -> Incomplete:
    names = sorted(known)
    close = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are: {', '.join(names)}."
    return Incomplete(f"There is no {kind} “{name}”. {hint}" if names else f"There is no {kind} “{name}”.")
