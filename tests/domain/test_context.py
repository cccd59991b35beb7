"""What has left the context, and what the next message will fill of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from modechat.domain.context import (
    cut_where,
    forecast,
    in_effect,
    n_left_out,
    tokens_in_use,
    turns_to_compact,
)
from modechat.domain.conversation import ContextCut, Conversation, Reply, ReplyStats, Turn
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Task

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def turn(
    number: int,
    *,
    pinned: bool = False,
    in_chat: bool = True,
    reply: str = "ok",
    task: bool = False,
) -> Turn:
    request = Task("Do it") if task else ChatMessage("Hello")
    return Turn(number, number - 1 or None, "typed", request, NOW, in_chat, Reply(reply), pinned)


FIVE = tuple(turn(number) for number in range(1, 6))


@pytest.mark.parametrize(("left", "newest"), [(1, 1), (2, 1), (3, 2), (4, 2), (99, 5)])
def test_turns_leave_as_a_whole(left: int, newest: int) -> None:
    cut = cut_where(FIVE, left, None)
    assert cut == ContextCut(5, newest)
    assert n_left_out(cut, FIVE) == 2 * newest


def test_what_the_model_does_not_see_and_what_is_pinned_is_not_counted() -> None:
    history = (
        turn(1, pinned=True),
        turn(2, in_chat=False, task=True),
        turn(3),
        turn(4, reply=""),
        turn(5),
        turn(6),
    )
    cut = cut_where(history, 4, ContextCut(3, 1, "a summary"))
    assert cut == ContextCut(6, 5, "a summary")
    assert n_left_out(cut, history) == 4
    assert cut_where(history, 0, None) is None


def test_a_cut_belongs_to_the_paths_that_have_its_place() -> None:
    cut = ContextCut(3, 1)
    assert in_effect(cut, FIVE) == cut
    assert in_effect(cut, FIVE[:2]) is None
    assert in_effect(None, FIVE) is None
    assert n_left_out(None, FIVE) == 0


def test_a_summary_leaves_the_last_two_turns_and_the_pinned_ones() -> None:
    entries = (
        turn(1),
        turn(2, pinned=True),
        turn(3),
        turn(4),
        turn(5, in_chat=False, task=True),
        turn(6),
    )
    leaving = turns_to_compact(Conversation(1, "", NOW, entries=entries))
    assert [turn.id for turn in leaving] == [1, 3]


def test_the_forecast_counts_the_last_chat_turn_and_what_is_typed() -> None:
    stats = ReplyStats("f", "gguf", 100, 0, 50, 0.1, 10, 0, thinking_tokens=20)
    chat = turn(1).with_reply(Reply("ok", stats=stats))
    conversation = Conversation(1, "", NOW, entries=(chat, turn(2, task=True, in_chat=False)))
    told = forecast(conversation, "x" * 35, 200)
    assert told.tokens == 130 + 8 + 10
    assert not told.is_full
    assert forecast(conversation, "x" * 350, 200).is_full
    compacted = replace(conversation, cut=ContextCut(1, 1, "x" * 35))
    assert forecast(compacted, "", 200).tokens == 8 + 10 + 8
    assert not forecast(None, "Hello", 200).is_full
    assert not forecast(conversation, "x" * 350, 200).is_too_long
    assert forecast(None, "x" * 1000, 200).is_too_long


def _answered(number: int, text: str, prompt: int, completion: int) -> Turn:
    stats = ReplyStats("chatml", "gguf", prompt, 0, completion, 0.1, 10, 1)
    reply = Reply("r" * 4 * completion, stats=stats)
    request = ChatMessage(text)
    return Turn(number, None, text, request, NOW, in_chat=True, reply=reply)


def test_what_is_in_use_is_what_the_last_reply_of_the_mode_says() -> None:
    first, second = _answered(1, "one", 40, 100), _answered(2, "two", 155, 10)
    task = replace(_answered(3, "three", 60, 5), request=Task("three"), in_chat=False)
    chat = Conversation(1, "", NOW, entries=(first, second, task))
    assert tokens_in_use(chat, Mode.CHAT) == 165
    assert tokens_in_use(chat, Mode.INSTRUCT) == 65
    assert (
        tokens_in_use(None, Mode.CHAT)
        == tokens_in_use(replace(chat, entries=()), Mode.INSTRUCT)
        == 0
    )
    added = replace(chat, entries=(first, second, replace(task, in_chat=True)))
    assert 165 < tokens_in_use(added, Mode.CHAT) < 230


def test_what_was_deleted_is_not_in_use() -> None:
    last = _answered(3, "three", 900, 10)
    between = Conversation(1, "", NOW, entries=(_answered(1, "one", 40, 100), last))
    assert 150 < tokens_in_use(between, Mode.CHAT) < 180
    assert tokens_in_use(replace(between, entries=(last,)), Mode.CHAT) < 50
    assert tokens_in_use(replace(between, entries=(last,)), Mode.CHAT, "s" * 1000) == 910


def test_a_reply_that_was_interrupted_is_in_use_although_it_has_no_figures() -> None:
    interrupted = turn(1, reply="r" * 350)
    assert tokens_in_use(Conversation(1, "", NOW, entries=(interrupted,)), Mode.CHAT) > 100
    assert (
        tokens_in_use(
            Conversation(1, "", NOW, entries=(turn(1, reply=""),)), Mode.CHAT, "a system text"
        )
        == 0
    )


def test_what_a_reply_only_said_again_is_not_in_use() -> None:
    stats = ReplyStats("chatml", "gguf", 40, 0, 250, 0.1, 10, 1, repeated=800)
    looped = turn(1).with_reply(Reply("r" * 200, stats=stats))
    assert tokens_in_use(Conversation(1, "", NOW, entries=(looped,)), Mode.CHAT) == 40 + 50
