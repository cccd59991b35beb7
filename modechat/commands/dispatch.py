"""The one dispatcher: what is done for an action of the table, whether a key or a typed command asks for it.

What needs only the session is a coroutine on it, which the queue runs when its turn comes. What needs a screen, or is
answered in words, is done by an object of the front end: its methods are named as the actions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeAlias

from modechat.commands.conversation_commands import ConversationCommands
from modechat.commands.session_commands import SessionCommands
from modechat.commands.setting_commands import SettingCommands
from modechat.commands.slash import SlashCommand, takes_no_words
from modechat.domain.modes import Incomplete
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

Reason: TypeAlias = Incomplete | None
Work: TypeAlias = "Callable[[ChatSession], Awaitable[Reason]]"
_WithWords: TypeAlias = "Callable[[ChatSession, str], Awaitable[Reason]]"
_OnTurn: TypeAlias = "Callable[[ChatSession, int | None], Awaitable[Reason]]"


def nothing_selected() -> None:
    """The turn that is meant where none can be selected: the last one that fits."""


class Dispatcher:
    """Finds who does an action: a command of the session, else one of `front_ends`, which have methods of its name."""

    def __init__(
        self,
        *front_ends: object,
        say: Callable[[str], None],
        selected: Callable[[], int | None] = nothing_selected,
        in_words: bool = False,
    ) -> None:
        """`say` answers the user. `selected` gives the turn that is selected. `in_words`: without lists and badges."""
        self._front_ends = front_ends
        self._selected = selected
        self._commands = commands = SessionCommands(say, says_mode=in_words)
        conversations = ConversationCommands(say)
        self._alone: dict[str, Work] = {
            "toggle_mode": commands.toggle_mode,
            "continue_reply": _continue_reply,
            "retry_with_less": _retry_with_less,
            "try_format": commands.try_format,
            "toggle_thinking": commands.toggle_thinking,
            "choose_adapters": commands.show_adapters,
            "new_conversation": _begin_new,
            "delete_conversation": conversations.delete_none,
            "compact": _compact,
            "stop": _stop,
        }
        if in_words:
            self._alone["choose_model"] = commands.list_models
        self._with_words: dict[str, _WithWords] = {
            "choose_format": commands.use_named_format,
            "choose_model": commands.use_model,
            "choose_adapters": commands.use_adapters,
            "toggle_thinking": commands.choose_thinking,
            "conversations": conversations.open,
            "delete_conversation": conversations.delete,
            "settings": SettingCommands(say).set,
        }
        self._on_turn: dict[str, _OnTurn] = {
            "regenerate": _regenerate,
            "run_in_other_mode": _run_in_other_mode,
            "toggle_in_chat": commands.toggle_in_chat,
            "toggle_pin": commands.toggle_pin,
            "earlier_variant": _earlier_variant,
            "later_variant": _later_variant,
        }

    def work(self, action_id: str, words: str = "") -> Work | None:
        """What the session does for an action, on the turn that is selected now; None if it cannot do it alone."""
        if words:
            on_words = self._with_words.get(action_id)
            return _taking_words(on_words, words) if on_words is not None else None
        on_turn = self._on_turn.get(action_id)
        if on_turn is not None:
            return _about_turn(on_turn, self._selected())
        return self._alone.get(action_id)

    def handler(self, action_id: str) -> Callable[..., object] | None:
        """The method of a front end that does an action; None if none does it."""
        for front_end in self._front_ends:
            found = getattr(front_end, action_id, None)
            if callable(found):
                return found  # type: ignore[no-any-return]
        return None

    async def do_typed(self, command: SlashCommand, session: ChatSession) -> Reason:
        """Do what was typed; say why not, if it cannot be done. Raises StoreError."""
        action, words = command.action, command.words
        if words and not action.words:
            return takes_no_words(command)
        if action.id == "choose_model" and not words and _can_go_back(session):
            return await session.model_choice.use()
        work = self.work(action.id, words)
        if work is not None:
            return await work(session)
        handler = self.handler(action.id)
        if handler is None:
            return Incomplete(
                f"/{action.slash} needs the screen: modechat without --plain, in a terminal."
            )
        done = handler(words) if words else handler()
        if isawaitable(done):
            done = await done
        return done if isinstance(done, Incomplete) else None


def _can_go_back(session: ChatSession) -> bool:
    """True if the model could not be loaded and there was one before it."""
    return session.phase is Phase.DOWN and session.has_previous_model


def _taking_words(command: _WithWords, words: str) -> Work:
    async def work(session: ChatSession) -> Reason:
        return await command(session, words)

    return work


def _about_turn(command: _OnTurn, turn_id: int | None) -> Work:
    async def work(session: ChatSession) -> Reason:
        return await command(session, turn_id)

    return work


async def _regenerate(session: ChatSession, turn_id: int | None) -> Reason:
    return await session.regenerate(turn_id)


async def _run_in_other_mode(session: ChatSession, turn_id: int | None) -> Reason:
    return await session.turns.run_in_other_mode(turn_id)


async def _earlier_variant(session: ChatSession, turn_id: int | None) -> Reason:
    return await session.turns.show_variant(-1, turn_id)


async def _later_variant(session: ChatSession, turn_id: int | None) -> Reason:
    return await session.turns.show_variant(1, turn_id)


async def _continue_reply(session: ChatSession) -> Reason:
    return await session.turns.continue_reply()


async def _retry_with_less(session: ChatSession) -> Reason:
    return await session.retry_with_less()


async def _begin_new(session: ChatSession) -> Reason:
    return await session.library.begin_new()


async def _compact(session: ChatSession) -> Reason:
    return await session.compact()


async def _stop(session: ChatSession) -> Reason:
    await session.stop()
    return None
