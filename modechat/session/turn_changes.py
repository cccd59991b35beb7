"""Changes of the turns on disk that take several steps of the store.

`commit` does them within one transaction. All of this runs on the thread of the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from modechat.domain.conversation import Conversation, ModeChange, Turn
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.own_settings import OwnSettings
from modechat.domain.titles import title_of_request, titles_of_request
from modechat.store import Store

P = ParamSpec("P")
T = TypeVar("T")


def commit(
    store: Store,
    opened: Conversation | None,
    state: ModeState,
    own: OwnSettings,
    change: Callable[Concatenate[Store, Conversation, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> tuple[Conversation, T]:
    """Do all of a change of `opened`, or nothing of it; return the conversation and the result.

    If none is open, a conversation with this mode and these settings is created first.
    """
    with store.together():
        conversation = opened or _create(store, state, own)
        return conversation, change(store, conversation, *args, **kwargs)


def _create(store: Store, state: ModeState, own: OwnSettings) -> Conversation:
    """Add a conversation with these settings of its own, and lock it."""
    created = store.create_conversation("", state)
    store.lock(created.id)
    if not own.is_empty:
        store.set_own(created.id, own)
    return created


def add_turn(
    store: Store,
    conversation: Conversation,
    parent_id: int | None,
    typed: str,
    request: ChatMessage | Task,
) -> tuple[str, Turn]:
    """Add a turn below another one; return the conversation's title, which it may give, and it."""
    title = conversation.title
    if not title:
        title = title_of_request(request)
        store.rename(conversation.id, title)
    in_chat = isinstance(request, ChatMessage)
    return title, store.add_turn(conversation.id, parent_id, typed, request, in_chat)


def add_variant(
    store: Store,
    conversation: Conversation,
    of: Turn,
    typed: str,
    request: ChatMessage | Task,
    state: ModeState,
) -> tuple[Turn, tuple[Turn | ModeChange, ...]]:
    """Add a turn in the place of `of`, and return it and the entries that are visible then.

    If `of` was the last turn, the headers after it follow the new turn; the mode stays `state`.
    """
    in_chat = isinstance(request, ChatMessage)
    turn = store.add_turn(conversation.id, of.parent_id, typed, request, in_chat)
    at = conversation.entries.index(of)
    entries: list[Turn | ModeChange] = [*conversation.entries[:at], turn]
    if of == conversation.last_turn:
        for later in conversation.entries[at + 1 :]:
            if isinstance(later, ModeChange):
                change = replace(later, after_turn_id=turn.id)
                store.add_mode_change(conversation.id, change)
                entries.append(change)
        store.set_state(conversation.id, state)
    return turn, tuple(entries)


def change_mode(store: Store, conversation: Conversation, change: ModeChange) -> None:
    """Add a header that the user typed."""
    store.add_mode_change(conversation.id, change)


def select(store: Store, conversation: Conversation, turn_id: int) -> Conversation:
    """Make the branch of a turn visible, and return the conversation."""
    store.select(turn_id)
    return store.conversation(conversation.id)


def delete_turn(store: Store, conversation: Conversation, turn_id: int) -> Conversation:
    """Delete a turn, also from the title, and return the conversation."""
    left = store.delete_turn(turn_id)
    for turn in conversation.turns:
        if turn.id == turn_id and left.title in titles_of_request(turn.request):
            title = title_of_request(left.turns[0].request) if left.turns else ""
            store.rename(left.id, title)
            return replace(left, title=title)
    return left
