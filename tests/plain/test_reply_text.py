"""A reply is written by lines and sentences, whole, and nothing waits for long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modechat.plain.reply_text import ReplyText


def after(seconds: float, text: str) -> str:
    """What is written of a text that has waited for so long."""
    reply = ReplyText()
    reply.feed(text, 100.0)
    return reply.take(100.0 + seconds)


def test_whole_lines_are_written_at_once() -> None:
    assert after(0, "one\ntwo\nthr") == "one\ntwo\n"
    assert after(0, "one two. three") == ""


def test_sentences_of_a_long_line_are_written_after_a_second() -> None:
    assert after(1.1, 'He said "no." Then he w') == 'He said "no."'
    assert after(1.1, "これは文です。次の") == "これは文です。"
    assert after(1.1, "1. The first") == ""  # the number of a list is no sentence
    assert after(1.1, "It costs 3.5 euros") == ""


def test_words_of_a_long_sentence_are_written_after_some_seconds_and_anything_in_the_end() -> None:
    assert after(3, "some words without an e") == ""
    assert after(4.1, "some words without an e") == "some words without an "
    assert after(4.1, "x" * 100) == ""
    assert after(8.1, "x" * 100) == "x" * 100


@given(st.lists(st.tuples(st.text(alphabet="ab .\r\n。", max_size=8), st.floats(0, 3))))
def test_what_is_written_is_the_text(pieces: list[tuple[str, float]]) -> None:
    reply, now, written = ReplyText(), 0.0, ""
    for text, seconds in pieces:
        reply.feed(text, now)
        now += seconds
        written += reply.take(now)
    whole = "".join(text for text, _ in pieces)
    assert written + reply.finish() == whole.replace("\r\n", "\n")
