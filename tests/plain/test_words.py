"""What is said fits a front end without keys."""

from __future__ import annotations

import pytest

from modechat.commands.actions import slash_table
from modechat.commands.end_notes import note_in_words
from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.key_names import key
from modechat.plain.words import as_commands, cut_between_words, help_lines
from modechat.session.gate import BUSY


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BUSY.reason, "A reply is being written: /stop stops it."),
        (
            f"{key('regenerate', 'Ctrl+R')} or /retry loads it with less.",
            "/regenerate or /retry loads it with less.",
        ),
        (
            f"{key('try_format', 'Ctrl+]')} asks in another format.",
            "/reformat asks in another format.",
        ),
        (f"{key('earlier_variant', 'Alt+Left')} has none.", "Alt+Left has none."),
        ("F3-7B.gguf and Ctrl+R are names here.", "F3-7B.gguf and Ctrl+R are names here."),
    ],
)
def test_keys_become_the_commands_that_do_the_same(text: str, said: str) -> None:
    assert as_commands(text) == said


def test_the_help_has_every_command() -> None:
    lines = list(help_lines())
    for usage, text in slash_table(without_screen=True):
        assert f"{usage}: {text}." in lines


def test_no_end_of_a_reply_names_a_key() -> None:
    replies = [
        Reply(text=text, thinking=thinking, state=state, stop_reason=reason)
        for text in ("", "text")
        for thinking in ("", "thought")
        for state in ReplyState
        for reason in (None, *StopReason)
    ]
    for note in map(note_in_words, replies):
        assert as_commands(note) == note
        assert "Ctrl" not in note
    assert (
        note_in_words(Reply(text="text", state=ReplyState.COMPLETE, stop_reason=StopReason.END))
        == ""
    )


def test_a_text_is_shortened_between_words() -> None:
    assert cut_between_words("one two three", 9) == "one two …"
    assert cut_between_words("one two", 9) == "one two"
    assert cut_between_words("onetwothree", 5) == "onetw …"
    assert cut_between_words("one two three", None) == "one two three"


def test_the_help_is_about_what_is_there_without_a_screen() -> None:
    told = "\n".join(help_lines())
    assert [word for word in ("fold", "the keys", "rename", "dialog") if word in told] == []
