"""A request as rows: as it was typed, its code as code, its files as one row each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.domain.attachments import block
from modechat.domain.conversation import Turn
from modechat.domain.message_parts import PartKind, parts_of
from modechat.domain.modes import ChatMessage, Task
from modechat.tui.render.requests import RequestLines
from modechat.tui.render.rows import copied
from tests.tui.render.documents import rows_of, shown

_NOTES = block("notes.txt", "one\n\ttwo")
_MESSAGE = f"Summarise notes.txt.\n\n{_NOTES}\n\nIn *one* line:\n```py\nx = 1\n```\n- so"


def _lines(request: ChatMessage | Task) -> RequestLines:
    return RequestLines(replace(_TURN, request=request))


_TURN = Turn(1, None, "", ChatMessage(""), datetime(2026, 11, 1, tzinfo=UTC), in_chat=True)


def test_a_file_is_one_row_that_opens_and_code_is_code() -> None:
    lines = _lines(ChatMessage(_MESSAGE))
    folded = ["Summarise notes.txt.", "", "▸ notes.txt · 9 B", "", "In *one* line:"]
    code = [" py" + " " * 27, " x = 1", "- so"]
    assert shown(lines, 30) == [*folded, *code]
    assert not lines.toggle_fold(1)
    assert lines.toggle_fold(2)
    opened = ["▾ notes.txt · 9 B", " txt" + " " * 26, " one", "     two"]
    assert shown(lines, 30) == [*folded[:2], *opened, *folded[3:], *code]
    assert lines.toggle_fold(2)
    assert shown(lines, 30) == [*folded, *code]


def test_a_folded_file_is_copied_whole() -> None:
    text = f"See\n\n{_NOTES}\n\nplease"
    assert copied(rows_of(_lines(ChatMessage(text)), 30)) == text


def test_files_of_tasks_are_rows_too() -> None:
    lines = _lines(Task("Shorten it.", input=block("x.md", "# a\n```\nb\n```")))
    assert shown(lines, 30)[-1] == "▸ x.md · 14 B"


@pytest.mark.parametrize(
    "text", ["```py\nx = 1", "a ``` b", "name.txt:\ntext", "# *all* as it _is_\n\t| a |"]
)
def test_what_is_no_code_is_shown_as_it_was_typed(text: str) -> None:
    assert [row.text for row in rows_of(_lines(ChatMessage(text)), 60)] == text.replace(
        "\t", "    "
    ).split("\n")


@given(
    st.lists(
        st.sampled_from(
            ["a", "\n", "```", "~~~", "````", "x.py:\n", "```py\n", " ", block("f.c", "int")]
        )
    ).map("".join)
)
def test_the_parts_are_the_message(text: str) -> None:
    parts = parts_of(text)
    assert "\n".join(part.text for part in parts).rstrip("\n") == text.rstrip("\n")
    assert all(
        block(part.name, part.content) == part.text for part in parts if part.kind is PartKind.FILE
    )
