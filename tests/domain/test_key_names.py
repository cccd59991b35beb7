"""Keys in messages: marks, and what front ends make of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.key_names import key, usual_keys, with_keys
from modechat.domain.text import is_editable, sanitize, sanitize_line

STOP = key("stop", "Esc")


def test_a_key_is_replaced_and_a_name_that_looks_like_one_stays() -> None:
    text = f"Esc.gguf is there: {STOP} stops it, {key('help', 'F1')} helps."
    assert usual_keys(text) == "Esc.gguf is there: Esc stops it, F1 helps."
    assert with_keys(text, {"stop": "/stop"}.get) == "Esc.gguf is there: /stop stops it, F1 helps."


@given(st.text())
def test_texts_without_marks_stay(text: str) -> None:
    assert usual_keys(sanitize(text)) == sanitize(text)


@given(st.text(alphabet=STOP + "a_"))
def test_texts_from_outside_have_no_marks_when_they_are_shown(text: str) -> None:
    for shown in (sanitize(text), sanitize_line(text)):
        assert with_keys(shown, {"stop": "/stop"}.get) == shown


def test_marks_are_neither_lost_at_the_prompt_nor_nested() -> None:
    assert is_editable(STOP)
    assert usual_keys(key("stop", STOP)) == "\ufde1stop\ufde2Esc\ufde3"
