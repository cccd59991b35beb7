"""Parts of grammars."""

from __future__ import annotations

import pytest

from modechat.prompting import gbnf


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ab", '"ab"'), ('a"b\\', '"a\\"b\\\\"'), ("a\nb", '"a\\nb"'), ("é", '"é"')],
)
def test_a_literal_is_escaped(text: str, expected: str) -> None:
    assert gbnf.literal(text) == expected


def test_characters_that_mean_something_in_a_class_are_escaped() -> None:
    assert gbnf.character_of(["]", "a", "^", "-"]) == r"[\x2D\]\x5Ea]"


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [
        (1, 1, "x"),
        (0, None, "x*"),
        (2, None, "x{2,}"),
        (0, 3, "x{0,3}"),
        (0, 0, '""'),
        (0, 1, "x{0,1}"),
    ],
)
def test_a_repetition_has_the_bounds_that_were_asked_for(
    least: int, most: int | None, expected: str
) -> None:
    assert gbnf.repeated("x", least, most) == expected
