"""The typed commands that the session does: formats, thinking, models, adapters, turns.

Every method returns the reason if it did nothing, or else None. Other messages to the user go to
`say`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.commands.end_notes import leaked_marker
from modechat.commands.model_list import ModelList
from modechat.commands.requests import unknown
from modechat.commands.status import mode_sentence, shown_adapter
from modechat.domain.key_names import key
from modechat.domain.mode import Mode
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_one_line, sanitize_line
from modechat.errors import ModelError
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.gate import NOT_LOADED

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.engine.protocol import Adapter
    from modechat.session.chat_session import ChatSession

_NO_SWITCH = Incomplete("This model's template has no switch for thinking.")
_THINKING = {"on": True, "off": False, "auto": None}
_AUTO = "auto"
_OFF = "off"


class SessionCommands:
    """The commands of one front end."""

    def __init__(self, say: Callable[[str], None], *, says_mode: bool = False) -> None:
        """`say` shows a message to the user. `says_mode`: name the mode after each change."""
        self._say = say
        self._says_mode = says_mode
        self._models = ModelList()
        self._tried: dict[tuple[int, int | None], set[str]] = {}
        """The formats in which a message was asked, by its conversation and the turn before it."""

    async def toggle_mode(self, session: ChatSession) -> Incomplete | None:
        """Change between chat and instruct mode."""
        before = session.state
        if refusal := await session.toggle_mode():
            return refusal
        if self._says_mode:
            self._say(mode_sentence(session.state))
        elif before.standing is not None:
            instruction = before.task or f"“{sanitize_line(before.standing)}”"
            self._say(f"{instruction} waits. {key('toggle_mode', 'Shift+Tab')} goes on with it.")
        return None

    # Formats

    async def try_format(self, session: ChatSession) -> Incomplete | None:
        """Ask the last message again in the likeliest format that was not tried yet."""
        from modechat.prompting.candidates import next_format

        conversation, model, turn = session.conversation, session.model, session.last_turn
        if conversation is None or turn is None:
            return Incomplete("There is no message yet that could be asked in another format.")
        if model is None:
            return NOT_LOADED
        tried = self._tried.setdefault((conversation.id, turn.parent_id), set())
        tried.add(model.format)
        if turn.reply.stats is not None:
            tried.add(turn.reply.stats.format)
        name = next_format(
            session.settings.load.formats,
            tried,
            leak=leaked_marker(turn.reply),
            has_template=model.has_template,
        )
        if name is None:
            tried.clear()
            return Incomplete("Every format was tried for this message. /format chooses one.")
        reason = await session.model_choice.try_format(name)
        if reason is None:
            self._say(f"Trying the format “{name}”. /format {name} keeps it for this model.")
        return reason

    async def use_named_format(self, session: ChatSession, words: str) -> Incomplete | None:
        """Use the format that `words` name; `auto`: the format that fits the model."""
        from modechat.prompting.prompt_format import CHAT_TEMPLATE

        names = [_AUTO, CHAT_TEMPLATE, *(named.name for named in session.settings.load.formats)]
        name = words.casefold()
        if name not in names:
            return unknown("format", words, names)
        if name == _AUTO:
            return await self.use_format(session, None)
        return await self.use_format(session, name)

    async def use_format(self, session: ChatSession, name: str | None) -> Incomplete | None:
        """Use the format `name` from now on; None: the format that fits the model."""
        reason = await session.model_choice.use_format(name)
        if reason is None:
            used = "what fits it"
            if name is not None:
                used = f"“{name}”"
            self._say(f"The prompt format of this model: {used} is used from now on.")
        return reason

    # The model and its adapters

    async def list_models(self, session: ChatSession) -> Incomplete | None:
        """List the models on this machine."""
        for line in await self._models.lines(session):
            self._say(line)
        used = session.settings.load.model_path
        if not used and session.model is not None:  # a scripted one
            used = session.model.name
        used = sanitize_line(used)
        self._say(f"The model is {used}. /model NUMBER or /model PATH goes on with another one.")
        return None

    async def use_model(self, session: ChatSession, words: str) -> Incomplete | None:
        """Change to the model with this path, or with this number in the list."""
        path = self._models.path_of(words)
        if isinstance(path, Incomplete):
            return path
        return await session.model_choice.use(path)

    async def show_adapters(self, session: ChatSession) -> Incomplete | None:
        """List the applied adapters."""
        what = "No LoRA adapter is applied."
        if session.adapters:
            shown = ", ".join(map(shown_adapter, session.adapters))
            what = f"Applied: {shown}. /lora off takes them away."
        self._say(f"{what} /lora FILE[:SCALE] applies one.")
        return None

    async def use_adapters(self, session: ChatSession, words: str) -> Incomplete | None:
        """Apply another adapter, change the scale of one, or remove all."""
        adapters: list[Adapter] = []
        if words.casefold() != _OFF:
            try:
                named = await session.reads.read(session.settings.files.read_adapter, words)
            except ModelError as error:
                return Incomplete(in_one_line(error.title, error.hint))
            adapters = [other for other in session.adapters if other.path != named.path]
            adapters.append(named)
        if refusal := await session.model_choice.use_adapters(tuple(adapters)):
            return refusal
        return await self.show_adapters(session)

    # Turns

    # The changed turn may be far above, so a message tells of the change.

    async def toggle_pin(
        self, session: ChatSession, turn_id: int | None = None
    ) -> Incomplete | None:
        """Pin a chat turn, so that it stays in a full context, or unpin it."""
        reason = await session.turns.toggle_pin(turn_id)
        turn = _turn(session, turn_id, Mode.CHAT)
        if reason is None and turn is not None:
            stays = "stays when the context is full" if turn.pinned else "is not pinned any more"
            self._say(f"{_which(turn_id, Mode.CHAT)} {stays}.")
        return reason

    async def toggle_in_chat(
        self, session: ChatSession, turn_id: int | None = None
    ) -> Incomplete | None:
        """Add an instruct turn to the chat, or take it out."""
        reason = await session.turns.toggle_in_chat(turn_id)
        turn = _turn(session, turn_id, Mode.INSTRUCT)
        if reason is None and turn is not None:
            where = "is not in the chat any more"
            if turn.in_chat:
                where = "is in the chat now: the model sees it there"
            self._say(f"{_which(turn_id, Mode.INSTRUCT)} {where}.")
        return reason

    # Thinking

    async def toggle_thinking(self, session: ChatSession) -> Incomplete | None:
        """Turn thinking on if it is off, and off if it is on."""
        word = "on" if thinks(session) is False else "off"
        return await self.choose_thinking(session, word)

    async def choose_thinking(self, session: ChatSession, word: str) -> Incomplete | None:
        """Turn thinking on (`on`) or off (`off`), or follow the model's template (`auto`)."""
        if word.casefold() not in _THINKING:
            return Incomplete(
                "/think on, /think off, or /think auto: as the model's template has it."
            )
        if session.model is None:
            return NOT_LOADED
        if session.model.thinking is ThinkingSwitch.NONE:
            return _NO_SWITCH
        session.model_choice.set_thinking(_THINKING[word.casefold()])
        does = "thinks before it answers" if thinks(session) else "does not think"
        self._say(f"From now on the model {does}.")
        return None


def thinks(session: ChatSession) -> bool | None:
    """Return True if the model thinks before it answers; None if that cannot be chosen."""
    if session.model is None or session.model.thinking is ThinkingSwitch.NONE:
        return None
    if session.settings.thinking is not None:
        return session.settings.thinking
    return session.model.thinking is ThinkingSwitch.ON


def _turn(session: ChatSession, turn_id: int | None, mode: Mode) -> Turn | None:
    """Return the turn with this id, or the last turn of the mode."""
    if session.conversation is None:
        return None
    for turn in reversed(session.conversation.turns):
        if turn.mode is mode and turn_id in (None, turn.id):
            return turn
    return None


def _which(turn_id: int | None, mode: Mode) -> str:
    return f"The last {mode} turn" if turn_id is None else f"This {mode} turn"
