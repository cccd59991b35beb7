"""The guard: no text of a user becomes a control text, and texts without one are not touched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modechat.prompting.guard import (
    MARKER,
    Guard,
    is_control_text,
    mark_edges,
    pieces,
    without_marker,
)
from tests.examples import examples

CONTROL = (
    "<|im_start|>",
    "<|im_end|>",
    "<|im|>",
    "<s>",
    "</s>",
    "<<SYS>>",
    "[INST]",
    "[/INST]",
    "aa",
    "aab",
    "abab",
    "<think>",
    "</think>",
    "<|tool_call|>",
    "<｜User｜>",
)
GUARD = Guard(CONTROL)
TAGS = ("<think>", "</think>", "<|tool_call|>")
"""What may stay in the assistant's texts."""

fragments = st.sampled_from(
    sorted(
        {text[:cut] for text in CONTROL for cut in range(1, len(text) + 1)}
        | {text[cut:] for text in CONTROL for cut in range(len(text))}
        | {MARKER, MARKER * 2, " ", "\n", "x", "é", "🙂"}
    )
)
hostile = st.lists(fragments, max_size=12).map("".join)
"""Whole, cut, nested and overlapping control texts, and the marker."""
harmless = st.text().filter(
    lambda text: without_marker(text) == text and not any(control in text for control in CONTROL)
)


def control_texts_in(text: str) -> list[str]:
    return [control for control in CONTROL if control in text]


@given(text=harmless)
@example(text="")
@example(text="a < b, a[0], <div>, </p>, [INS T], <|")
def test_a_text_without_control_texts_is_neither_changed_nor_split(text: str) -> None:
    assert GUARD.neutralise(text) == text
    assert GUARD.found(text) == ()
    assert pieces(text) == ((text,) if text else ())


@given(text=hostile)
def test_the_pieces_joined_are_the_text_without_the_marker(text: str) -> None:
    assert "".join(pieces(GUARD.neutralise(text))) == text.replace(MARKER, "")
    assert without_marker(GUARD.neutralise(text)) == text.replace(MARKER, "")


@settings(max_examples=examples(500))
@given(text=hostile)
@example(text="<|im_" + MARKER + "end|>")
@example(text="<" + MARKER + "s>")
@example(text="<<s>s>")
@example(text="<|im_start<|im_end|>|>")
@example(text="aaaa")
@example(text="ababab")
def test_no_piece_holds_a_control_text(text: str) -> None:
    for piece in pieces(GUARD.neutralise(text)):
        assert control_texts_in(piece) == []


@settings(max_examples=examples(500))
@given(text=hostile)
def test_in_the_assistants_texts_only_tags_of_thinking_and_tools_stay(text: str) -> None:
    neutralised = GUARD.neutralise(text, of_assistant=True)
    for piece in pieces(neutralised):
        assert set(control_texts_in(piece)) <= set(TAGS)
    assert sum(map(neutralised.count, TAGS)) == sum(map(text.replace(MARKER, "").count, TAGS))


@given(text=hostile)
@example(text="<|im_" + MARKER + "end|>")
def test_what_was_neutralised_is_told_in_order_also_where_a_marker_cut_it(text: str) -> None:
    plain = text.replace(MARKER, "")
    expected = []
    for at in range(len(plain)):
        here = [control for control in CONTROL if plain.startswith(control, at)]
        expected += [max(here, key=len)] if here else []
    assert GUARD.found(text) == tuple(expected)
    assert bool(expected) == (MARKER in GUARD.neutralise(text))


def test_neutralising_twice_is_neutralising_once() -> None:
    once = GUARD.neutralise("a<s>b<|im_end|>")
    assert GUARD.neutralise(once) == once == f"a<{MARKER}s>b<{MARKER}|im_end|>"


def test_the_longest_of_the_control_texts_that_begin_at_one_place_is_told() -> None:
    assert GUARD.found("aab <|im|>") == ("aab", "<|im|>")
    assert GUARD.found("<<s>") == ("<s>",)


# What is put behind a rendered prompt


@settings(max_examples=examples(500))
@given(before=hostile, after=hostile)
@example(before="Say <|im_", after="end|>")
@example(before="<", after="s>")
@example(before=f"x<{MARKER}", after="s>")
@example(before="", after="<s>")
def test_no_control_text_spans_the_border_to_the_prefill(before: str, after: str) -> None:
    rendered = GUARD.neutralise(before)
    whole = GUARD.append(rendered, after)
    for piece in pieces(whole):
        assert control_texts_in(piece) == []
    assert "".join(pieces(whole)) == (before + after).replace(MARKER, "")


@given(after=harmless)
def test_an_ordinary_prefill_is_simply_put_behind_the_templates_control_text(after: str) -> None:
    rendered = "<s>[INST] Hi [/INST]"
    if not after.startswith(("a", "[", "<")):
        assert GUARD.append(rendered, after) == rendered + after


def test_control_texts_of_the_template_before_the_prefill_stay_whole() -> None:
    assert pieces(GUARD.append("<s><|im_start|>", "<|im_end|>")) == (
        "<s><|im_start|><",
        "|im_end|>",
    )


# Messages


@pytest.mark.parametrize("role", ["user", "system"])
def test_every_text_of_a_message_is_neutralised(role: str) -> None:
    message = {
        "role": role,
        "content": "<s>",
        "thinking": "<think>",
        "reasoning_content": "</think>",
    }
    assert GUARD.neutralise_message(message) == {
        "role": role,
        "content": f"<{MARKER}s>",
        "thinking": f"<{MARKER}think>",
        "reasoning_content": f"<{MARKER}/think>",
    }


def test_the_assistants_thinking_may_hold_its_tags() -> None:
    message = {"role": "assistant", "content": "<think>x</think><s>", "thinking": "<think><s>"}
    assert GUARD.neutralise_message(message) == {
        "role": "assistant",
        "content": f"<think>x</think><{MARKER}s>",
        "thinking": f"<think><{MARKER}s>",
    }


@given(text=hostile)
def test_typed_contents_are_neutralised_and_their_types_are_not(text: str) -> None:
    typed: dict[str, Any] = {
        "role": "user",
        "content": [{"type": "<s>", "text": text}, {"type": "text", "text": "x"}],
    }
    assert GUARD.neutralise_message(typed) == {
        "role": "user",
        "content": [{"type": "<s>", "text": GUARD.neutralise(text)}, {"type": "text", "text": "x"}],
    }


def test_worked_examples_are_neutralised_and_what_is_no_text_stays() -> None:
    variables = {
        "examples": [{"instruction": "<s>", "input": "aa", "response": "</s>"}],
        "input": None,
        "system": "<s>",
    }
    assert GUARD.neutralise_message(variables) == {
        "examples": [
            {"instruction": f"<{MARKER}s>", "input": f"a{MARKER}a", "response": f"<{MARKER}/s>"}
        ],
        "input": None,
        "system": f"<{MARKER}s>",
    }


def test_a_message_itself_is_not_changed() -> None:
    content = [{"type": "text", "text": "<s>"}]
    GUARD.neutralise_message({"role": "user", "content": content})
    assert content == [{"type": "text", "text": "<s>"}]


# Which texts are control texts


@pytest.mark.parametrize(
    ("text", "user_defined", "is_control"),
    [
        ("<|im_end|>", False, True),
        ("</s>", False, True),
        ("[INST]", False, True),
        ("\n", False, False),
        ("  ", False, False),
        ("", False, False),
        ("x", False, False),
        ("<|im_end|>", True, True),
        ("<|channel>", True, True),
        ("<channel|>", True, True),
        ("<|a\nb|>", True, True),
        ("<think>", True, False),
        ("<div>", True, False),
        ("<tool_call>", True, True),  # the template writes it
        ("    ", True, False),
        ("|", True, False),
    ],
)
def test_special_tokens_are_control_texts_unless_they_are_text_that_people_write(
    text: str, user_defined: bool, is_control: bool
) -> None:
    template = "{{ '<tool_call>' + '|' + '    ' }}"
    assert is_control_text(text, user_defined=user_defined, template=template) is is_control


def test_a_vocabulary_without_control_texts_changes_nothing_but_the_marker() -> None:
    guard = Guard(())
    assert guard.neutralise(f"<s>{MARKER}x") == "<s>x"
    assert guard.append("a", f"b{MARKER}") == "ab"
    assert guard.found("<s>") == ()
    assert Guard(["x", ""]).neutralise("xx") == "xx"


# Control texts over the borders of texts


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("ordinary", False),
        ("a < b", False),
        ("ends with <|im_", True),
        ("ends with <", True),
        ("end|> begins", True),
        ("> quoted", True),
        ("im_end", True),
        ("  \n", False),
        ("", False),
    ],
)
def test_a_text_may_join_if_a_control_text_could_go_on_beside_it(text: str, may: bool) -> None:
    assert Guard(["<|im_end|>"]).may_join(text) is may


def test_a_control_text_over_a_border_is_cut_there_and_that_of_the_template_stays_whole() -> None:
    guard = Guard(["<|im_end|>", "<|im_end|>x"])
    texts = ["a <|im_", "end|> b", "x"]
    rendered = f"{texts[0]}{texts[1]}<|im_end|>{texts[2]}"
    edged = f"{mark_edges(texts[0])}{mark_edges(texts[1])}<|im_end|>{mark_edges(texts[2])}"
    assert pieces(guard.break_borders(rendered, edged)) == ("a <|im_", "end|> b<|im_end|>", "x")


def test_where_a_template_minds_the_marks_the_prompt_stays_as_it_was() -> None:
    assert Guard(["<a>"]).break_borders("x<a>", f"other{mark_edges('x')}<a>") == "x<a>"


def test_edges_stand_inside_of_outer_white_space_and_in_every_text_that_templates_show() -> None:
    marked = mark_edges(
        {"role": "user", "content": " a \n", "examples": [{"input": "b", "other": "c"}]}
    )
    assert without_marker(str(marked["content"])) == " a \n"
    assert marked["content"].startswith(" ")
    assert marked["content"].endswith(" \n")
    assert (marked["role"], marked["examples"][0]["other"]) == ("user", "c")
    assert marked["examples"][0]["input"] != "b"
