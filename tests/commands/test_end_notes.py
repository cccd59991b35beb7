"""What is said of how a reply ended."""

from __future__ import annotations

from itertools import product

import pytest

from modechat.commands.end_notes import (
    End,
    end_of,
    note_in_column,
    note_in_words,
    note_on_screen,
)
from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.key_names import usual_keys

REPLIES = [
    Reply(text=text, thinking=thinking, state=state, stop_reason=reason)
    for text, thinking, state, reason in product(
        ("", "text"), ("", "thought"), ReplyState, (None, *StopReason)
    )
]


def test_every_reply_has_an_end_and_every_end_is_one_of_a_reply() -> None:
    assert {end_of(reply) for reply in REPLIES} == set(End)


def test_an_ordinary_end_and_a_reply_that_is_written_have_no_note() -> None:
    for state in (ReplyState.STREAMING, ReplyState.COMPLETE):
        reply = Reply("text", state, StopReason.END)
        assert note_on_screen(reply) == note_in_column(reply) == note_in_words(reply) == ""


@pytest.mark.parametrize(
    ("reply", "on_screen", "in_column", "in_words"),
    [
        (
            Reply("text", ReplyState.STOPPED),
            "■ stopped. /continue goes on",
            "■ stopped",
            "The reply was stopped. /continue goes on.",
        ),
        (
            Reply("", ReplyState.INTERRUPTED),
            "✂ interrupted: modechat ended while it was written. Ctrl+R asks again.",
            "✗ ",
            (
                "The reply was interrupted: modechat ended while it was written. "
                "/regenerate asks again."
            ),
        ),
        (
            Reply("text", ReplyState.INTERRUPTED, error="It died"),
            "✂ interrupted: It died. Ctrl+R asks again. /continue goes on.",
            "✗ It died",
            "The reply was interrupted: It died. /regenerate asks again. /continue goes on.",
        ),
        (
            Reply("", ReplyState.FAILED, error="A {brace}\x1b[2J"),
            "✗ A {brace}␛[2J",
            "✗ A {brace}␛[2J",
            "There is no reply: A {brace}␛[2J",
        ),
    ],
)
def test_each_front_end_has_its_words(
    reply: Reply, on_screen: str, in_column: str, in_words: str
) -> None:
    assert usual_keys(note_on_screen(reply)) == on_screen
    assert note_in_column(reply) == in_column
    assert note_in_words(reply) == in_words
