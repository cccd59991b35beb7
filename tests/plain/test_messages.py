"""Lines become messages as a user means them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.typed import Typed
from modechat.plain.messages import QUOTES, MessageReader


def read(*lines: str) -> list[str]:
    """The messages of lines that are typed one after the other."""
    reader = MessageReader()
    return [typed(message) for line in lines if (message := reader.feed(line)) is not None]


def typed(message: Typed | None) -> str:
    """The text of a message of which everything was typed."""
    assert message is not None
    assert message.folds == ()
    return message.text


def test_a_line_is_a_message() -> None:
    assert read("hello", "### Instruction", "  indented") == [
        "hello",
        "### Instruction",
        "  indented",
    ]


def test_a_backslash_at_the_end_goes_on_and_two_do_not() -> None:
    assert read("Summarise\\", "### Input\\", "a text") == ["Summarise\n### Input\na text"]
    assert read("a row of a matrix \\\\") == ["a row of a matrix \\\\"]
    assert read("three \\\\\\", "on") == ["three \\\\\non"]


def test_between_quotation_marks_lines_are_one_message_as_they_are() -> None:
    assert read(QUOTES, "one\\", "", "  two", f" {QUOTES} ", "next") == ["one\\\n\n  two", "next"]
    assert read(f'{QUOTES}docstring{QUOTES} = "ordinary"') == [
        f'{QUOTES}docstring{QUOTES} = "ordinary"'
    ]


def test_a_command_after_a_text_that_was_shown_acts_alone_and_the_text_stays() -> None:
    reader = MessageReader()
    reader.begin_with(Typed("a draft"))
    assert typed(reader.feed("/model x.gguf")) == "/model x.gguf"
    assert typed(reader.feed("/quit")) == "/quit"
    assert reader.feed("that goes on\\") is None
    assert typed(reader.feed("/quit")) == "a draft\nthat goes on\n/quit"


def test_a_paste_is_sent_by_the_next_enter() -> None:
    reader = MessageReader()
    assert reader.feed_together(["one\\", QUOTES, "three"]) is None
    assert (reader.is_open, reader.n_pasted) == (True, 3)
    assert reader.feed_together(["four", "five"]) is None
    assert (
        typed(reader.feed("its last line")) == f"one\\\n{QUOTES}\nthree\nfour\nfive\nits last line"
    )
    assert reader.feed_together(["a", "b"]) is None
    assert typed(reader.feed("")) == "a\nb"
    assert not reader.is_open


def test_a_paste_within_quotation_marks_needs_no_other_enter() -> None:
    reader = MessageReader()
    assert typed(reader.feed_together([QUOTES, "one", "two", QUOTES])) == "one\ntwo"
    assert reader.feed(QUOTES) is None
    assert reader.feed_together(["def f():", f"    {QUOTES}", "    return 1"]) is None
    assert typed(reader.feed(QUOTES)) == f"def f():\n    {QUOTES}\n    return 1"


def test_what_has_begun_can_be_dropped_or_finished() -> None:
    reader = MessageReader()
    assert reader.finish() is None
    reader.feed("begun\\")
    assert typed(reader.finish()) == "begun"
    reader.feed(QUOTES)
    reader.feed("begun")
    reader.clear()
    assert not reader.is_open
    assert typed(reader.feed("other")) == "other"


@pytest.mark.parametrize("together", [False, True])
@given(lines=st.lists(st.text(alphabet='ab\\" ', max_size=6), min_size=2, max_size=8))
def test_no_line_is_lost(together: bool, lines: list[str]) -> None:
    reader = MessageReader()
    messages = [reader.feed_together(lines)] if together else [reader.feed(line) for line in lines]
    said = "\n".join(
        message.text for message in [*messages, reader.finish()] if message is not None
    )
    assert [letter for letter in said if letter in "ab"] == [
        letter for line in lines for letter in line if letter in "ab"
    ]


def test_headers_and_commands_of_a_paste_are_text() -> None:
    page = ["/quit", "### Response", "200 OK"]
    reader = MessageReader()
    assert reader.feed_together(page) is None
    text = "\n".join(page)
    assert reader.feed("") == Typed(text, ((0, len(text)),))
    assert reader.feed(QUOTES) is None
    assert reader.feed("### Instruction") is None
    assert reader.feed_together(page) is None
    assert reader.feed(QUOTES) == Typed(f"### Instruction\n{text}", ((16, 16 + len(text)),))
