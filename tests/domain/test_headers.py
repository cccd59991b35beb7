"""Headers are found where the parser gives them a meaning, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers

CHAT, INSTRUCT = ModeState(), ModeState(Mode.INSTRUCT)


def found(text: str, state: ModeState = CHAT) -> list[str]:
    lines = text.split("\n")
    return [lines[header.line][header.start : header.end] for header in headers(text, state)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("### Instruction: do it\nnow", ["### Instruction:"]),
        (
            "\n\n  ###instruction\nA\n### Input\nB\n### Response:\nC",
            ["###instruction", "### Input", "### Response:"],
        ),
        ("### Chat\n### Input", ["### Chat"]),
        ("Hello\n### Instruction", []),
        ("### Input\nA", []),
        ("\\### Instruction", []),
        ("### Instruction\n```\n### Input\n```\n\\### Input", ["### Instruction"]),
        ("### Instruction\nA\n### Response\nB\n### Input", ["### Instruction", "### Input"]),
        ("### Instructions", []),
        ("", []),
    ],
)
def test_headers_that_count_in_a_chat(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_sections_count_in_instruct_mode_without_a_first_header() -> None:
    assert found("Translate\n### Input\nHi\n### Input", INSTRUCT) == ["### Input"]
    assert found("Hi\n### Response\nSure", ModeState(Mode.INSTRUCT, "Translate")) == [
        "### Response"
    ]


@given(st.text(alphabet="# \n`\\:" + "ichnprst", max_size=60), st.sampled_from([CHAT, INSTRUCT]))
def test_every_text_has_spans_within_its_lines(text: str, state: ModeState) -> None:
    assert all(span.startswith("###") for span in found(text, state))
