from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from modechat.domain.conversation import Reply, ReplyState, ReplyStats, StopReason
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.errors import StoreError
from modechat.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.store.conftest import Clock

STATS = ReplyStats(
    format="gemma",
    format_source="gguf",
    prompt_tokens=120,
    reused_tokens=100,
    completion_tokens=7,
    seconds_to_first_token=0.25,
    tokens_per_second=12.5,
    seed=2**64 - 1,
)
REPLIES = [
    Reply(),
    Reply(text="Hello, ", state=ReplyState.STREAMING, model="gemma.gguf"),
    Reply(error="The engine died.", state=ReplyState.FAILED),
    *(Reply(text="Hello", state=state) for state in ReplyState),
    *(
        Reply("Hello", ReplyState.COMPLETE, reason, "", "gemma.gguf", STATS)
        for reason in StopReason
    ),
]


@pytest.mark.parametrize(
    "state",
    [ModeState(), ModeState(Mode.INSTRUCT), ModeState(Mode.INSTRUCT, standing="Translate:")],
)
def test_a_new_conversation_is_empty_and_has_its_title_and_mode(
    store: Store, state: ModeState
) -> None:
    created = store.create_conversation("Greetings", state)
    assert (created.title, created.state, created.entries) == ("Greetings", state, ())
    assert store.conversation(created.id) == created


@pytest.mark.parametrize(
    "request_",
    [ChatMessage("Hi\n\n there "), Task("Translate"), Task("Translate", "bonjour", "It means")],
)
@pytest.mark.parametrize("in_chat", [True, False])
def test_a_turn_comes_back_as_it_was_added(
    store: Store, request_: ChatMessage | Task, in_chat: bool
) -> None:
    conversation = store.create_conversation("", ModeState())
    turn = store.add_turn(conversation.id, None, "as typed", request_, in_chat)
    assert (turn.typed, turn.request, turn.in_chat, turn.reply) == (
        "as typed",
        request_,
        in_chat,
        Reply(),
    )
    assert store.conversation(conversation.id).entries == (turn,)


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_comes_back_as_it_was_saved(store: Store, reply: Reply) -> None:
    conversation = store.create_conversation("", ModeState())
    turn = store.add_turn(conversation.id, None, "hi", ChatMessage("hi"), True)
    store.save_reply(turn.id, replace(reply, text="replaced", stats=STATS))
    store.save_reply(turn.id, reply)
    assert store.conversation(conversation.id).entries == (turn.with_reply(reply),)


def test_everything_is_there_when_the_store_is_opened_again(folder: Path, clock: Clock) -> None:
    store = Store.open(folder, clock)
    conversation_id = store.create_conversation("Greetings", ModeState(Mode.INSTRUCT)).id
    store.add_turn(conversation_id, None, "hi", ChatMessage("hi"), True)
    before = store.conversation(conversation_id)
    store.close()
    store = Store.open(folder, clock)
    assert store.conversation(conversation_id) == before
    store.close()


def test_times_are_aware_and_the_same_moment_whatever_the_clocks_zone(folder: Path) -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    store = Store.open(folder, lambda: noon)
    conversation = store.create_conversation("", ModeState())
    turn = store.add_turn(conversation.id, None, "hi", ChatMessage("hi"), True)
    assert conversation.created_at == turn.created_at == noon
    assert turn.created_at.tzinfo is UTC
    store.close()


def test_replies_left_open_become_interrupted_in_this_conversation_alone(store: Store) -> None:
    mine, other = (store.create_conversation("", ModeState()).id for _ in range(2))
    waiting, streaming, complete = (
        store.add_turn(mine, None, "hi", ChatMessage("hi"), True) for _ in range(3)
    )
    elsewhere = store.add_turn(other, None, "hi", ChatMessage("hi"), True)
    store.save_reply(streaming.id, Reply(text="Hel", state=ReplyState.STREAMING))
    store.save_reply(complete.id, Reply(text="Hello", state=ReplyState.COMPLETE))
    assert store.mark_interrupted(mine) == 2
    assert reply(store, mine, waiting.id) == Reply(state=ReplyState.INTERRUPTED)
    assert reply(store, mine, streaming.id) == Reply(text="Hel", state=ReplyState.INTERRUPTED)
    assert reply(store, mine, complete.id) == Reply(text="Hello", state=ReplyState.COMPLETE)
    assert reply(store, other, elsewhere.id) == Reply()


def test_a_turn_is_brought_into_the_chat_and_taken_out(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    turn = store.add_turn(conversation_id, None, "hi", Task("hi"), False)
    for in_chat in (True, False):
        store.set_in_chat(turn.id, in_chat)
        assert store.conversation(conversation_id).turns[0].in_chat is in_chat


def test_the_mode_and_the_title_can_be_changed(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    state = ModeState(Mode.INSTRUCT, standing="Translate:")
    store.set_state(conversation_id, state)
    store.rename(conversation_id, "Greetings")
    conversation = store.conversation(conversation_id)
    assert (conversation.state, conversation.title, conversation.entries) == (
        state,
        "Greetings",
        (),
    )


def test_deleting_a_conversation_leaves_the_others(store: Store) -> None:
    mine, other = (store.create_conversation("", ModeState()).id for _ in range(2))
    store.add_turn(mine, None, "hi", ChatMessage("hi"), True)
    turn = store.add_turn(other, None, "hi", ChatMessage("hi"), True)
    store.delete(mine)
    with pytest.raises(StoreError, match=f"no conversation {mine}"):
        store.conversation(mine)
    assert store.conversation(other).entries == (turn,)


def test_a_deleted_conversations_number_is_never_given_again(store: Store) -> None:
    first = store.create_conversation("", ModeState()).id
    store.delete(first)
    assert store.create_conversation("", ModeState()).id > first


def test_a_chat_longer_than_sqlite_nests_cascades_can_be_read_and_deleted(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    parent_id = None
    for number in range(1100):
        parent_id = store.add_turn(
            conversation_id, parent_id, str(number), ChatMessage("x"), True
        ).id
    assert [turn.typed for turn in store.conversation(conversation_id).turns] == [
        str(n) for n in range(1100)
    ]
    assert store.summaries()[0].turn_count == 1100
    store.delete(conversation_id)
    assert store.latest_id() is None


def test_what_is_not_there_cannot_be_changed(store: Store) -> None:
    for attempt in (
        lambda: store.conversation(7),
        lambda: store.rename(7, "x"),
        lambda: store.delete(7),
        lambda: store.set_state(7, ModeState()),
        lambda: store.save_reply(7, Reply()),
        lambda: store.set_in_chat(7, True),
        lambda: store.select(7),
    ):
        with pytest.raises(StoreError, match=r"There is no (conversation|turn) 7"):
            attempt()
    with pytest.raises(StoreError):
        store.conversation(2**64)


def test_a_turn_needs_its_conversation_and_a_parent_there(store: Store) -> None:
    mine, other = (store.create_conversation("", ModeState()).id for _ in range(2))
    elsewhere = store.add_turn(other, None, "hi", ChatMessage("hi"), True)
    for conversation_id, parent_id in ((7, None), (mine, 7), (mine, elsewhere.id)):
        with pytest.raises(StoreError, match="changed or deleted"):
            store.add_turn(conversation_id, parent_id, "hi", ChatMessage("hi"), True)
    assert store.conversation(mine).entries == ()


def reply(store: Store, conversation_id: int, turn_id: int) -> Reply:
    store.select(turn_id)
    turn = store.conversation(conversation_id).last_turn
    assert turn is not None
    return turn.reply
