from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.domain.conversation import Reply
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage

if TYPE_CHECKING:
    from modechat.domain.listing import ConversationSummary
    from modechat.store import Store


def add_turn(store: Store, conversation_id: int, typed: str, parent_id: int | None = None) -> int:
    return store.add_turn(conversation_id, parent_id, typed, ChatMessage(typed), True).id


def only(store: Store) -> ConversationSummary:
    (summary,) = store.summaries()
    return summary


def test_an_empty_store_has_no_summaries_and_no_latest_conversation(store: Store) -> None:
    assert store.summaries() == ()
    assert store.latest_id() is None


def test_the_conversation_with_the_newest_turn_comes_first(store: Store) -> None:
    first, second, third = (store.create_conversation("", ModeState()).id for _ in range(3))
    assert store.latest_id() == third
    add_turn(store, first, "hi")
    assert [summary.id for summary in store.summaries()] == [first, third, second]
    assert [summary.id for summary in store.summaries(limit=2)] == [first, third]
    assert store.latest_id() == first


def test_a_summary_says_what_a_list_shows(store: Store) -> None:
    conversation_id = store.create_conversation("Greetings", ModeState()).id
    assert (only(store).title, only(store).turn_count, only(store).preview) == ("Greetings", 0, "")
    conversation = store.conversation(conversation_id)
    assert only(store).updated_at == conversation.created_at
    turn = store.add_turn(conversation_id, None, "hi", ChatMessage("hi"), True)
    assert only(store).updated_at == turn.created_at


def test_the_preview_is_the_last_reply_or_the_last_message_without_one(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    first = add_turn(store, conversation_id, "hi")
    assert only(store).preview == "hi"
    store.save_reply(first, Reply(text="Hello"))
    assert only(store).preview == "Hello"
    add_turn(store, conversation_id, "how are you?", first)
    assert only(store).preview == "how are you?"


def test_the_preview_is_one_short_line_that_cannot_act_on_the_terminal(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    turn_id = add_turn(store, conversation_id, "hi")
    store.save_reply(turn_id, Reply(text="one\n\n  two\x1b[31m " + "three " * 1000))
    preview = only(store).preview
    assert preview.startswith("one two␛[31m three")
    assert preview.endswith("…")
    assert len(preview) <= 80


def test_the_count_and_the_preview_are_of_the_visible_branch(store: Store) -> None:
    conversation_id = store.create_conversation("", ModeState()).id
    other_id = store.create_conversation("", ModeState()).id
    add_turn(store, other_id, "x", add_turn(store, other_id, "x"))
    root = add_turn(store, conversation_id, "root")
    child = add_turn(store, conversation_id, "child", root)
    add_turn(store, conversation_id, "grandchild", child)
    sibling = add_turn(store, conversation_id, "sibling", root)
    assert (store.summaries()[0].turn_count, store.summaries()[0].preview) == (2, "sibling")
    store.select(child)
    assert (store.summaries()[0].turn_count, store.summaries()[0].preview) == (3, "grandchild")
    store.select(sibling)
    assert store.summaries()[1].turn_count == 2
