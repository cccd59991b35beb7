"""Dispatches all actions, both those of keys and those of typed commands.

An action that needs only the session is a coroutine on it, which the queue runs in turn. An action
that needs a screen, or prints its answer, is a method of a front end with the action's name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from modechat.commands.conversation_commands import ConversationCommands
from modechat.commands.session_commands import SessionCommands
from modechat.commands.setting_commands import SettingCommands
from modechat.commands.slash import SlashCommand, takes_no_words
from modechat.domain.modes import Incomplete
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

T = TypeVar("T")

Reason: TypeAlias = Incomplete | None
Work: TypeAlias = "Callable[[ChatSession], Awaitable[Reason]]"
"""The session's work for an action; it returns the reason if it did nothing. May raise
StoreError."""
_WithWords: TypeAlias = "Callable[[ChatSession, str], Awaitable[Reason]]"
_OnTurn: TypeAlias = "Callable[[ChatSession, int | None], Awaitable[Reason]]"


def nothing_selected() -> None:
    """Return None, for front ends without a selection: then the last suitable turn is meant."""


class Dispatcher:
    """Finds the command of the session or the method of a front end that does an action."""

    def __init__(
        self,
        *front_ends: object,
        say: Callable[[str], None],
        selected: Callable[[], int | None] = nothing_selected,
        in_words: bool = False,
    ) -> None:
        """`front_ends` have methods with the names of actions. `say` answers the user.

        `selected` returns the selected turn. `in_words`: the front end has no lists to choose from
        and no marks, so commands say more.
        """
        self._front_ends = front_ends
        self._selected = selected
        commands = SessionCommands(say, says_mode=in_words)
        conversations = ConversationCommands(say)
        self._alone: dict[str, Work] = {
            "toggle_mode": commands.toggle_mode,
            "continue_reply": _continue_reply,
            "retry_with_less": _retry_with_less,
            "try_format": commands.try_format,
            "toggle_thinking": commands.toggle_thinking,
            "choose_adapters": commands.show_adapters,
            "new_conversation": begin_new_conversation,
            "delete_conversation": conversations.delete_none,
            "compact": _compact,
            "stop": stop_reply,
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
        """Return the session's work for an action, or None if the session cannot do it alone.

        The action is about the turn that is selected now.
        """
        if words:
            with_words = self._with_words.get(action_id)
            if with_words is None:
                return None
            return _with(with_words, words)
        on_turn = self._on_turn.get(action_id)
        if on_turn is not None:
            return _with(on_turn, self._selected())
        return self._alone.get(action_id)

    def handler(self, action_id: str) -> Callable[..., object] | None:
        """Return the method of a front end that does an action, or None if there is none."""
        for front_end in self._front_ends:
            found = getattr(front_end, action_id, None)
            if callable(found):
                return found  # type: ignore[no-any-return]
        return None

    async def do_typed(self, command: SlashCommand, session: ChatSession) -> Reason:
        """Do a typed command; return the reason if it cannot be done. Raises StoreError."""
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
    """Return True if the model could not be loaded and there is a previous one."""
    return session.phase is Phase.DOWN and session.has_previous_model


def _with(command: Callable[[ChatSession, T], Awaitable[Reason]], argument: T) -> Work:
    """Bind the argument of a command, and return it as work on a session."""

    async def work(session: ChatSession) -> Reason:
        return await command(session, argument)

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


async def begin_new_conversation(session: ChatSession) -> Reason:
    """Leave the open conversation for a new one."""
    return await session.library.begin_new()


async def _compact(session: ChatSession) -> Reason:
    return await session.compact()


async def stop_reply(session: ChatSession) -> Reason:
    """Stop the model's running work."""
    await session.stop()
    return None
