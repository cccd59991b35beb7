"""Lines break between words, however a text comes in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modechat.plain.word_wrap import WordWrap, cell_width

_WIDTH = 20


def wrap(*pieces: str, width: int = _WIDTH) -> str:
    wrapping = WordWrap()
    return "".join(wrapping.feed(piece, width) for piece in pieces)


def test_a_line_is_broken_between_words() -> None:
    assert wrap("Model: one two three four five six") == "Model: one two three\nfour five six"
    assert wrap("a" * 30 + " b") == "a" * 30 + "\nb"
    assert wrap("short\n\n  lines stay") == "short\n\n  lines stay"


def test_what_is_no_terminal_keeps_its_lines() -> None:
    assert wrap("one two three four five six seven", width=0) == "one two three four five six seven"


def test_code_and_tables_keep_their_lines() -> None:
    code = "```python\nprint('a long line of code', 1)\n```"
    assert wrap(f"{code}\nand then words that wrap") == f"{code}\nand then words that\nwrap"
    table = "| a | table with long cells | b |"
    assert wrap(table) == table
    assert wrap("    indented code that is long") == "    indented code that is long"


def test_wide_characters_take_two_columns() -> None:
    assert cell_width("a日e\u0301") == 4
    assert wrap("日本語 日本語 日本語 日本語") == "日本語 日本語 日本語\n日本語"


@given(st.text(alphabet="ab \n日`|", max_size=120), st.lists(st.integers(0, 120), max_size=5))
def test_pieces_make_no_difference_and_nothing_is_lost(text: str, cuts: list[int]) -> None:
    ends = sorted({0, *(min(cut, len(text)) for cut in cuts), len(text)})
    spaces = [end for end in ends if end in (0, len(text)) or text[end - 1].isspace()]
    pieces = [text[start:end] for start, end in zip(spaces, spaces[1:], strict=False)]  # noqa: RUF007
    whole = wrap(text)
    assert wrap(*pieces) == whole
    assert whole.split() == text.split()


@given(
    st.lists(
        st.text(alphabet="ab日`|-", min_size=1, max_size=30).filter(lambda word: word[0] in "ab日"),
        max_size=30,
    )
)
def test_every_line_that_could_be_broken_fits(words: list[str]) -> None:
    for line in wrap(" ".join(words)).split("\n"):
        assert cell_width(line) <= _WIDTH or " " not in line
