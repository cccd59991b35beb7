"""What the model sees of a conversation, and how conversations change."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.continuing import without_repetition
from modechat.domain.conversation import (
    Conversation,
    Message,
    ModeChange,
    Reply,
    ReplyState,
    ReplyStats,
    Role,
    StopReason,
    Turn,
    as_mode,
    chat_messages,
    clock_at,
    message_text,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.notices import repetition_note
from modechat.domain.titles import title_of

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def turn(
    number: int,
    request: ChatMessage | Task,
    reply: str = "",
    *,
    in_chat: bool,
    state: ReplyState = ReplyState.COMPLETE,
) -> Turn:
    return Turn(number, number - 1 or None, "", request, NOW, in_chat, Reply(reply, state))


def chat(number: int, text: str, reply: str = "", state: ReplyState = ReplyState.COMPLETE) -> Turn:
    return turn(number, ChatMessage(text), reply, in_chat=True, state=state)


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


# What the model sees


def test_a_chat_is_its_turns_and_the_new_message() -> None:
    turns = (chat(1, "Hi", "Hello"), chat(2, "How are you?", "Fine"))
    assert chat_messages(turns, "Good") == (
        user("Hi"), assistant("Hello"), user("How are you?"), assistant("Fine"), user("Good"),
    )  # fmt: skip


def test_the_first_message_stands_alone() -> None:
    assert chat_messages((), "Hi") == (user("Hi"),)


def test_system_text_comes_first_and_only_if_there_is_one() -> None:
    system = Message(Role.SYSTEM, "Be brief.")
    assert chat_messages((chat(1, "Hi", "Hello"),), "Bye", "Be brief.")[0] == system
    assert chat_messages((), "Hi") == (user("Hi"),)


def test_instruct_turns_are_left_out_unless_they_were_added_to_the_chat() -> None:
    task = Task("Translate", "Good morning")
    outside = turn(1, task, "Buenos días", in_chat=False)
    inside = turn(1, task, "Buenos días", in_chat=True)
    assert chat_messages((outside,), "Hi") == (user("Hi"),)
    assert chat_messages((inside,), "Hi") == (
        user("Translate\n\nGood morning"), assistant("Buenos días"), user("Hi"),
    )  # fmt: skip


def test_a_chat_turn_that_was_taken_out_is_left_out() -> None:
    assert chat_messages((turn(1, ChatMessage("Hi"), "Hello", in_chat=False),), "Bye") == (
        user("Bye"),
    )


def test_turns_without_a_reply_are_left_out() -> None:
    turns = (chat(1, "Hi", state=ReplyState.FAILED), chat(2, "Hello?", state=ReplyState.STOPPED))
    assert chat_messages(turns, "Anyone?") == (user("Anyone?"),)


@pytest.mark.parametrize("state", [ReplyState.STOPPED, ReplyState.INTERRUPTED])
def test_a_partial_reply_is_part_of_the_chat(state: ReplyState) -> None:
    assert chat_messages((chat(1, "Count", "One, two", state),), "Go on") == (
        user("Count"), assistant("One, two"), user("Go on"),
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(["", "reply"]), st.booleans())),
    st.sampled_from(["", "system"]),
)
def test_users_and_assistant_alternate_and_the_user_is_last(
    turns: list[tuple[bool, str, bool]], system: str
) -> None:
    history = tuple(
        turn(number, Task("do") if is_task else ChatMessage("say"), reply, in_chat=in_chat)
        for number, (is_task, reply, in_chat) in enumerate(turns, start=1)
    )
    roles = [message.role for message in chat_messages(history, "new", system)]
    if system:
        assert roles.pop(0) is Role.SYSTEM
    assert roles == [Role.USER, Role.ASSISTANT] * (len(roles) // 2) + [Role.USER]


def test_the_input_of_a_task_follows_its_instruction_after_a_blank_line() -> None:
    assert message_text(Task("Summarise", "A text")) == "Summarise\n\nA text"
    assert message_text(Task("Write a poem")) == "Write a poem"
    assert message_text(ChatMessage("Hi")) == "Hi"


def test_the_prefill_of_a_task_is_no_part_of_its_message() -> None:
    assert message_text(Task("Count", prefill="One,")) == "Count"


def test_what_the_model_thought_goes_along_apart_from_its_answer() -> None:
    thoughtful = turn(1, ChatMessage("2+2?"), "4", in_chat=True)
    thoughtful = thoughtful.with_reply(replace(thoughtful.reply, thinking="Easy."))
    assert chat_messages((thoughtful,), "Why?")[1] == Message(Role.ASSISTANT, "4", thinking="Easy.")


def test_a_turn_can_be_repeated_in_the_other_mode() -> None:
    assert as_mode(ChatMessage("Hi"), Mode.INSTRUCT) == Task("Hi")
    assert as_mode(Task("Summarise", "A text"), Mode.CHAT) == ChatMessage("Summarise\n\nA text")


def test_a_turn_stays_itself_in_its_own_mode() -> None:
    task = Task("Count", "to ten", "One,")
    assert as_mode(task, Mode.INSTRUCT) is task
    message = ChatMessage("Hi")
    assert as_mode(message, Mode.CHAT) is message


def test_the_mode_of_a_turn_is_that_of_its_request() -> None:
    assert chat(1, "Hi").mode is Mode.CHAT
    assert turn(1, Task("Count"), in_chat=True).mode is Mode.INSTRUCT


# Conversations as values


def test_a_turn_is_replaced_in_its_place() -> None:
    change = ModeChange(1, ModeState(Mode.INSTRUCT), "### Instruction")
    conversation = Conversation(1, "", NOW, entries=(chat(1, "Hi"), change, chat(2, "Bye")))
    answered = conversation.turns[0].with_reply(Reply("Hello"))
    assert conversation.with_turn(answered).entries == (answered, change, chat(2, "Bye"))
    assert conversation.turns[0].reply.text == ""


def test_a_turn_that_is_not_there_changes_nothing() -> None:
    conversation = Conversation(1, "", NOW, entries=(chat(1, "Hi"),))
    assert conversation.with_turn(chat(7, "Bye")) == conversation


def test_the_last_turn_is_found_behind_changes_of_mode() -> None:
    change = ModeChange(1, ModeState(Mode.INSTRUCT), "")
    conversation = Conversation(1, "", NOW).with_entry(chat(1, "Hi")).with_entry(change)
    assert conversation.last_turn == chat(1, "Hi")
    assert conversation.turns == (chat(1, "Hi"),)
    assert Conversation(1, "", NOW, entries=(change,)).last_turn is None


@pytest.mark.parametrize("state", ReplyState)
def test_only_replies_that_are_still_coming_can_change(state: ReplyState) -> None:
    assert state.is_final is (state not in (ReplyState.WAITING, ReplyState.STREAMING))


# Titles


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Hello there", "Hello there"),
        ("\n  \n  Hello \nthere", "Hello"),
        ("# A heading\ntext", "A heading"),
        ("###\n---", "---"),
        ("", ""),
        (" \n#\n", ""),
    ],
)
def test_a_title_is_the_first_line_that_says_something(text: str, title: str) -> None:
    assert title_of(text) == title


def test_a_long_title_ends_in_an_ellipsis() -> None:
    assert title_of("x" * 60) == "x" * 60
    assert title_of("x" * 61) == "x" * 59 + "…"
    assert title_of("one two three", width=9) == "one two…"


@given(st.text(), st.integers(1, 80))
def test_a_title_is_one_line_of_limited_width(text: str, width: int) -> None:
    title = title_of(text, width)
    assert len(title) <= width
    assert title.splitlines() in ([], [title])


def test_what_a_reply_says_again_and_again_is_left_out() -> None:
    stats = ReplyStats("f", "gguf", 1, 0, 9, 0.1, 10.0, 1, repeated=8)
    looped = Reply(
        "one two, two, two", stop_reason=StopReason.REPEATS, stats=replace(stats, repeated=10)
    )
    assert without_repetition(looped).text == "one two"
    thought = Reply(
        "",
        thinking="hm. and hm and hm",
        stop_reason=StopReason.REPEATS,
        stats=replace(stats, repeated=14),
    )
    assert without_repetition(thought).thinking == "hm."
    for other in (
        replace(looped, stop_reason=StopReason.END),
        replace(looped, stats=None),
        replace(looped, stats=replace(stats, repeated=0)),
    ):
        assert without_repetition(other) == other
    assert "1,234 characters" in repetition_note(replace(stats, repeated=1234))
    assert "characters" not in repetition_note(None)


def test_the_clock_is_when_the_conversation_first_went_on_that_day() -> None:
    def at(day: int, hour: int) -> datetime:
        return datetime(2026, 3, day, hour, 30).astimezone()

    turns = tuple(
        replace(chat(n, f"q{n}"), created_at=moment)
        for n, moment in enumerate((at(1, 9), at(1, 23), at(29, 8), at(29, 20)), start=1)
    )
    conversation = Conversation(1, "A", at(1, 9), entries=turns)
    assert clock_at(at(1, 23), conversation) == at(1, 9)
    assert clock_at(at(29, 22), conversation) == at(29, 8)
    assert clock_at(at(30, 7), conversation) == at(30, 7)
    assert clock_at(at(30, 7), None) == at(30, 7)
