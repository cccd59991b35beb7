"""Text that is safe to show, stop strings in pieces, and trimmed replies."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable, Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from modechat.domain.text import LineEnds, ReplyTrimmer, StopMatcher, sanitize, sanitize_line

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"

hostile = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc"]),
        st.sampled_from("\x1b\x07\x9b\n\t\u2028" + BIDI),
    )
)


def cut(text: str, at: Iterable[int]) -> list[str]:
    """`text` in pieces; some may be empty."""
    places = [0, *sorted(place % (len(text) + 1) for place in at), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


cuts = st.lists(st.integers(0, 1000))


# Safe to show


@given(hostile)
def test_no_character_that_acts_on_a_terminal_survives(text: str) -> None:
    controls = {
        character for character in sanitize(text) if unicodedata.category(character) == "Cc"
    }
    assert controls <= {"\n", "\t"}
    assert not set(sanitize(text)) & set(BIDI + "\u2028\u2029")


@given(hostile)
def test_sanitising_twice_is_sanitising_once(text: str) -> None:
    assert sanitize(sanitize(text)) == sanitize(text)


@given(hostile)
def test_a_sequence_that_is_split_cannot_get_through(text: str) -> None:
    assert "".join(map(sanitize, text)) == sanitize(text)


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cf", "Zl", "Zp"]) | st.sampled_from("\n\t"))
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert sanitize(text) == text


@given(st.text("a\r\n", max_size=20), cuts)
def test_line_ends_are_newlines_however_they_are_split(text: str, at: list[int]) -> None:
    ends = LineEnds()
    read = "".join(map(ends.feed, cut(text, at)))
    assert read + ends.flush() == text.replace("\r\n", "\n")
    assert ends.flush() == ""


def test_what_was_there_is_still_to_be_seen() -> None:
    assert sanitize("\x1b[31mred\x07\x7f\r\n") == "␛[31mred␇␡␍\n"
    assert sanitize("a\x9bb\u202ec") == "a�b�c"
    assert sanitize("one\u2028two\u2029three") == "one\ntwo\nthree"


@given(hostile)
def test_one_line_is_one_line(text: str) -> None:
    line = sanitize_line(text)
    assert line.splitlines() in ([], [line])
    assert line == sanitize(line) == line.strip()


def test_a_line_folds_white_space() -> None:
    assert sanitize_line("  one\n\ttwo \x1b[0m\r\nthree ") == "one two ␛[0m three"


# Stop strings


def until_stop(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """The rule itself: read until a stop string is complete; what came before it is the text."""
    for end in range(1, len(text) + 1):
        starts = [end - len(stop) for stop in stops if stop and text[:end].endswith(stop)]
        if starts:
            return text[: min(starts)], True
    return text, False


def feed_all(matcher: StopMatcher, pieces: Iterable[str]) -> tuple[str, bool]:
    shown = ""
    for piece in pieces:
        text, found = matcher.feed(piece)
        shown += text
        if found:
            assert matcher.flush() == ""
            return shown, True
    return shown + matcher.flush(), False


few_letters = st.text("ab#", max_size=20)
stop_strings = st.lists(st.text("ab#", max_size=5), max_size=4)


@given(few_letters, stop_strings, cuts)
@example("abcd", ["abcd", "bc"], [])
@example("abcd", ["abcd", "bc"], [1, 2, 3])
@example("aab", ["ab"], [1, 2])
@example("x### Instruction", ["### Instruction", "Instruction"], [3, 9])
def test_the_text_before_the_first_stop_string_is_shown_however_it_arrives(
    text: str, stops: list[str], at: list[int]
) -> None:
    assert feed_all(StopMatcher(stops), cut(text, at)) == until_stop(text, stops)


@given(few_letters, stop_strings)
def test_text_is_held_back_only_while_it_may_be_the_beginning_of_a_stop_string(
    text: str, stops: list[str]
) -> None:
    matcher = StopMatcher(stops)
    seen = shown = ""
    for character in text:
        seen += character
        piece, found = matcher.feed(character)
        shown += piece
        if found:
            return
        held = seen[len(shown) :]
        assert shown + held == seen
        assert not held or any(stop.startswith(held) for stop in stops)


def test_without_stop_strings_everything_passes_at_once() -> None:
    for stops in ([], [""]):
        matcher = StopMatcher(stops)
        assert matcher.feed("anything") == ("anything", False)
        assert matcher.flush() == ""


# Trimmed replies


@given(st.text(st.sampled_from("ab \n\t\u00a0\u2003") | st.characters()), cuts)
@example("  a  b \n", [1, 3, 4, 6])
def test_the_pieces_of_a_reply_join_to_the_trimmed_reply(text: str, at: list[int]) -> None:
    trimmer = ReplyTrimmer()
    reply = "".join(map(trimmer.feed, cut(text, at)))
    assert reply.strip() == text.strip()
    assert reply == reply.rstrip()
    first = text[: len(text) - len(text.lstrip())].rpartition("\n")[2]
    assert reply[: len(reply) - len(reply.lstrip())] == (
        "" if first == " " or not text.strip() else first
    )


def test_the_indent_of_the_first_line_stays_and_the_space_of_a_vocabulary_goes() -> None:
    assert (
        "".join(map(ReplyTrimmer().feed, ["\n \n", "  ", "  if x:\n", "        y"]))
        == "    if x:\n        y"
    )
    assert ReplyTrimmer().feed("\n\tall:") == "\tall:"
    assert ReplyTrimmer().feed("\u3000\u3000从前") == "\u3000\u3000从前"
    assert ReplyTrimmer().feed(" Hello") == "Hello"


def test_the_beginning_that_a_reply_was_given_stays_as_it_is() -> None:
    trimmer = ReplyTrimmer(has_begun=True)
    assert (
        "".join(map(trimmer.feed, [" Dear Bob,\n", "\n", "I hope", " "])) == " Dear Bob,\n\nI hope"
    )


def test_no_piece_ends_in_white_space() -> None:
    trimmer = ReplyTrimmer()
    assert [trimmer.feed(piece) for piece in ("a ", " ", "b", "\n\n")] == ["a", "", "  b", ""]
