"""Commands typed at the prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.commands.actions import ACTIONS, slash_table
from modechat.commands.slash import read_slash, without_escape, word_of
from modechat.domain.typed import Typed


def read(text: str) -> tuple[str, str] | None:
    command = read_slash(text)
    return (command.action.slash, command.words) if command is not None else None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/task", ("task", "")),
        ("/task translate Spanish\nI love you\n", ("task", "translate Spanish\nI love you")),
        ("  /think off ", ("think", "off")),
        ("/format\nalpaca", ("format", "alpaca")),
        ("/help", ("help", "")),
    ],
)
def test_a_known_command_is_read_with_its_words(text: str, command: tuple[str, str]) -> None:
    assert read(text) == command


@pytest.mark.parametrize(
    "text", ["/etc/hosts is a file", "/tasks", "/task/x", "/", "/ task", "/TASK", "say /task", "\\/task", "", "//task"]
)
def test_everything_else_is_ordinary_text(text: str) -> None:
    assert read(text) is None


def test_a_backslash_sends_the_command_as_text() -> None:
    assert without_escape("\\/task translate") == Typed("/task translate")
    assert without_escape("\\/etc/hosts") == Typed("\\/etc/hosts")
    assert without_escape("/task") == Typed("/task")


@given(st.text())
def test_a_text_is_never_a_command_and_escaped(text: str) -> None:
    if read_slash(text) is not None:
        assert without_escape(text) == Typed(text)
        assert without_escape("\\" + text.lstrip()) == Typed(text.lstrip())


def test_the_name_of_a_task_is_parted_from_what_was_said() -> None:
    assert word_of("translate Spanish\nI love you") == ("translate", "Spanish\nI love you")
    assert word_of("summarise\na text") == ("summarise", "\na text")
    assert word_of("summarise") == ("summarise", "")


def test_every_command_is_in_the_table_for_people() -> None:
    assert {usage.split()[0] for usage, _ in slash_table()} == {f"/{a.slash}" for a in ACTIONS if a.slash}
    assert ("/help", "Show the modes, the keys and the commands") in slash_table()


def test_what_was_not_typed_is_no_command() -> None:
    assert read_slash(Typed("/quit\nnow", ((0, 9),))) is None
    assert without_escape(Typed("\\/quit", ((0, 6),))) == Typed("\\/quit", ((0, 6),))
    assert without_escape(Typed("\\/quit abc", ((7, 10),))) == Typed("/quit abc", ((6, 9),))


def test_the_lines_below_a_command_stay_as_they_are() -> None:
    command = read_slash("/task summarise \n\ta\tb\n1\t\n")
    assert command is not None
    assert command.words == "summarise \n\ta\tb\n1\t"
    assert word_of(command.words) == ("summarise", "\n\ta\tb\n1\t")
