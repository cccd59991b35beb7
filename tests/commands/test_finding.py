"""Finding actions by words that people have for them."""

from __future__ import annotations

import pytest

from modechat.commands import finding
from modechat.commands.actions import ACTIONS
from modechat.commands.finding import in_palette, rank, rank_of_action


def found(words: str) -> list[str]:
    ranked = [
        (ranked, action.id)
        for action in in_palette()
        if (ranked := rank_of_action(words, action, action.label)) is not None
    ]
    return [action_id for _, action_id in sorted(ranked, key=lambda pair: pair[0])]


@pytest.mark.parametrize(
    ("words", "action_id"),
    [
        ("temp", "settings"),
        ("sampling", "settings"),
        ("system", "settings"),
        ("Top_P", "settings"),
        ("colour", "choose_theme"),
        ("color", "choose_theme"),
        ("dark", "choose_theme"),
        ("font", "choose_theme"),
        ("exit", "quit"),
        ("quit", "quit"),
        ("bye", "quit"),
        ("clear", "new_conversation"),
        ("history", "conversations"),
        ("retry", "retry_with_less"),
        ("reroll", "regenerate"),
        ("gguf", "choose_model"),
        ("vim", "edit_in_editor"),
        ("tokens", "inspect"),
        ("/compact", "compact"),
        ("shortcuts", "help"),
        ("chat to", "toggle_in_chat"),
    ],
)
def test_the_first_that_is_found_is_what_was_meant(words: str, action_id: str) -> None:
    assert found(words)[0] == action_id


def test_the_order_is_the_same_whatever_is_shown_and_what_is_wanted_often_comes_first() -> None:
    assert [action.id for action in in_palette()][:4] == [
        "new_conversation",
        "conversations",
        "choose_model",
        "settings",
    ]
    assert found("") == [action.id for action in in_palette()]
    assert {action.id for action in in_palette()} == {
        action.id for action in ACTIONS if action.in_palette
    }


def test_there_are_no_synonyms_of_what_there_is_not() -> None:
    assert set(finding._SYNONYMS) <= {action.id for action in ACTIONS}
    assert set(finding._SYNONYMS) >= {action.id for action in in_palette()} - {"tell_status"}


def test_every_word_must_be_found_and_a_name_counts_more_than_a_description() -> None:
    assert rank("two one", "One", "two") == 1
    assert rank("one three", "One", "two") is None
    assert rank("o", "One") == 0
    assert rank("ne", "One") == 1
    assert rank("wo", "One", "two") is None
