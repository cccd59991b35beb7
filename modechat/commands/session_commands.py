"""What typed commands have the session do: formats, tasks, thinking, models, adapters.

Every method returns why it did nothing, or None; what the user should know besides goes to `say`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from modechat.commands.model_list import ModelList
from modechat.commands.slash import SlashCommand, word_of
from modechat.domain.conversation import StopReason
from modechat.domain.lora import lora_label
from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete
from modechat.domain.near import did_you_mean, near
from modechat.domain.text import in_one_line, sanitize_line
from modechat.errors import ModelError
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.engine.protocol import Adapter
    from modechat.session.chat_session import ChatSession

    SessionCommand: TypeAlias = Callable[[ChatSession], Awaitable[Incomplete | None]]
    """Why it did nothing, or None."""

_NOT_LOADED = Incomplete("The model is not loaded yet.")
_NO_SWITCH = Incomplete("This model's template has no switch for thinking.")
_THINKING = {"on": True, "off": False, "auto": None}
_AUTO = "auto"
_OFF = "off"


class SessionCommands:
    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` tells the user something that needs no answer."""
        self._say = say
        self._models = ModelList()
        self._tried: dict[tuple[int, int | None], set[str]] = {}
        """The formats that a message was asked in, by its conversation and the turn before it."""

    def with_words(self, command: SlashCommand) -> SessionCommand | None:
        """What a command with words has the session do; None if it is none of these."""
        if not (words := command.words):
            return None
        match command.action.id:
            case "choose_task":
                return lambda session: self.start_named_task(session, words)
            case "choose_format":
                return lambda session: self.use_named_format(session, words)
            case "choose_model":
                return lambda session: self.use_model(session, words)
            case "choose_adapters":
                return lambda session: self.use_adapters(session, words)
            case "toggle_thinking":
                return lambda session: self.choose_thinking(session, words)
            case _:
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
        name = next_format(
            session.settings.load.formats, tried, leak=leak, has_template=model.has_template
        )
        if name is None:
            tried.clear()
            return Incomplete("Every format was tried for this message. /format chooses one.")
        reason = await session.try_format(name)
        if reason is None:
            self._say(f"Trying the format “{name}”. /format {name} keeps it for this model.")
        return reason

    async def use_named_format(self, session: ChatSession, words: str) -> Incomplete | None:
        from modechat.prompting.prompt_format import CHAT_TEMPLATE

        names = [_AUTO, CHAT_TEMPLATE, *(named.name for named in session.settings.load.formats)]
        name = words.casefold()
        if name not in names:
            return _unknown("format", words, names)
        return await self.use_format(session, None if name == _AUTO else name)

    async def use_format(self, session: ChatSession, name: str | None) -> Incomplete | None:
        """Use the format `name` from now on; None: what fits the model."""
        reason = await session.use_format(name)
        if reason is None:
            what = f"“{name}” is" if name is not None else "what fits it is"
            self._say(f"The prompt format of this model: {what} used from now on.")
        return reason

    # The model and its adapters

    async def list_models(self, session: ChatSession) -> Incomplete | None:
        """Those on this machine. If the model could not be loaded, go back to the one before."""
        if session.phase is Phase.DOWN and session.has_previous_model:
            return await session.use_model()
        for line in await self._models.lines(session):
            self._say(line)
        path = sanitize_line(session.settings.load.model_path)
        self._say(f"The model is {path}. /model NUMBER or /model PATH goes on with another one.")
        return None

    async def use_model(self, session: ChatSession, words: str) -> Incomplete | None:
        """Go on with a model that is named by its file, or by its number in the list."""
        path = self._models.path_of(words)
        return path if isinstance(path, Incomplete) else await session.use_model(path)

    async def tell_adapters(self, session: ChatSession) -> Incomplete | None:
        """Which ones are applied."""
        shown = ", ".join(_shown_adapter(adapter) for adapter in session.adapters)
        what = (
            f"Applied: {shown}. /lora off takes them away."
            if shown
            else "No LoRA adapter is applied."
        )
        self._say(f"{what} /lora FILE[:SCALE] applies one.")
        return None

    async def use_adapters(self, session: ChatSession, words: str) -> Incomplete | None:
        """Apply one more, or one of them with another scale; or none."""
        adapters: tuple[Adapter, ...] = ()
        if words.casefold() != _OFF:
            try:
                named = await asyncio.to_thread(session.settings.adapter_named, words)
            except ModelError as error:
                return Incomplete(in_one_line(error.title, error.hint))
            adapters = (*(other for other in session.adapters if other.path != named.path), named)
        return await session.use_adapters(adapters) or await self.tell_adapters(session)

    # Turns

    # Where one without a number is meant, its mark may be far above: so it is said what was done.

    async def toggle_pin(
        self, session: ChatSession, turn_id: int | None = None
    ) -> Incomplete | None:
        reason = await session.turns.toggle_pin(turn_id)
        turn = _turn(session, turn_id, Mode.CHAT)
        if reason is None and turn is not None:
            stays = "stays when the context is full" if turn.pinned else "is not pinned any more"
            self._say(f"{_which(turn_id, Mode.CHAT)} {stays}.")
        return reason

    async def toggle_in_chat(
        self, session: ChatSession, turn_id: int | None = None
    ) -> Incomplete | None:
        reason = await session.turns.toggle_in_chat(turn_id)
        turn = _turn(session, turn_id, Mode.INSTRUCT)
        if reason is None and turn is not None:
            sees = (
                "is in the chat now: the model sees it there"
                if turn.in_chat
                else "is not in the chat any more"
            )
            self._say(f"{_which(turn_id, Mode.INSTRUCT)} {sees}.")
        return reason

    # Named tasks

    async def start_named_task(self, session: ChatSession, words: str) -> Incomplete | None:
        name, said = word_of(words)
        task = session.settings.task(name.casefold())
        if task is None:
            return _unknown("task", name, [task.name for task in session.settings.tasks])
        return await session.start_task(task, said)

    # Thinking

    async def toggle_thinking(self, session: ChatSession) -> Incomplete | None:
        return await self.choose_thinking(session, "on" if thinks(session) is False else "off")

    async def choose_thinking(self, session: ChatSession, word: str) -> Incomplete | None:
        if word.casefold() not in _THINKING:
            return Incomplete(
                "/think on, /think off, or /think auto: as the model's template has it."
            )
        if session.model is None:
            return _NOT_LOADED
        if session.model.thinking is ThinkingSwitch.NONE:
            return _NO_SWITCH
        session.set_thinking(_THINKING[word.casefold()])
        self._say(
            f"From now on the model {'thinks before it answers' if thinks(session) else 'does not think'}."
        )
        return None


def thinks(session: ChatSession) -> bool | None:
    """Whether the model thinks before it answers; None if one cannot choose."""
    if session.model is None or session.model.thinking is ThinkingSwitch.NONE:
        return None
    wanted = session.settings.thinking
    return session.model.thinking is ThinkingSwitch.ON if wanted is None else wanted


def _turn(session: ChatSession, turn_id: int | None, mode: Mode) -> Turn | None:
    """The turn of this number, or the last one of the mode."""
    turns = session.conversation.turns if session.conversation is not None else ()
    return next(
        (turn for turn in reversed(turns) if turn.mode is mode and turn_id in (None, turn.id)), None
    )


def _which(turn_id: int | None, mode: Mode) -> str:
    return f"The last {mode} turn" if turn_id is None else f"This {mode} turn"


def _shown_adapter(adapter: Adapter) -> str:
    label = sanitize_line(lora_label(adapter.path, adapter.scale))
    return f"{label} ({adapter.mode})" if adapter.mode is not None else label


def _unknown(kind: str, name: str, known: Iterable[str]) -> Incomplete:
    names = sorted(known)
    return Incomplete(
        f"There is no {kind} “{name}”. {did_you_mean(near(name, names, {}), names)}".strip()
    )
