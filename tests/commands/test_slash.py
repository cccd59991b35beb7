"""Commands typed at the prompt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.commands.actions import ACTIONS, slash_table
from modechat.commands.slash import read_slash, unknown_command, without_escape, word_of
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
    "text",
    [
        "/etc/hosts is a file",
        "/tasks",
        "/task/x",
        "/",
        "/ task",
        "/TASK",
        "say /task",
        "\\/task",
        "",
        "//task",
    ],
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
    assert {usage.split()[0] for usage, _ in slash_table()} == {
        f"/{a.slash}" for a in ACTIONS if a.slash
    }
    assert ("/help", "Show the modes and the commands") in slash_table()


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/exit", ("quit", "")),
        ("/bye", ("quit", "")),
        ("/q", ("quit", "")),
        ("/clear", ("new", "")),
        ("/reset", ("new", "")),
        ("/models", ("model", "")),
        ("/set temperature 0.4", ("settings", "temperature 0.4")),
        (
            "/system You are a pirate.\nSay arr.",
            ("settings", "chat_system You are a pirate.\nSay arr."),
        ),
        ("/system", ("settings", "chat_system")),
        ("/h", ("help", "")),
        ("/?", ("help", "")),
    ],
)
def test_what_people_type_who_know_other_programs_does_what_they_mean(
    text: str, command: tuple[str, str]
) -> None:
    assert read(text) == command


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/modl", "There is no command /modl. Did you mean /model or /mode?"),
        ("/seting temperature 99", "There is no command /seting. Did you mean /settings?"),
        ("/hlep", "There is no command /hlep. Did you mean /help?"),
        ("/temp 0.4", "There is no command /temp. Did you mean /settings?"),
        ("/HELP", "There is no command /HELP. Did you mean /help?"),
        ("/new-chat", "There is no command /new-chat."),
        ("/foo bar", "There is no command /foo."),
        (" /foo\nbar", "There is no command /foo."),
    ],
)
def test_what_looks_like_a_command_is_asked_about(text: str, told: str) -> None:
    assert unknown_command(text) == told


@pytest.mark.parametrize(
    "text",
    [
        "/usr/bin/python does not start",
        "/etc/hosts",
        "/etc/",
        "/ text",
        "/",
        "//comment",
        "/* a comment */",
        "/r/learnpython",
        "/2 of them",
        "/s.html",
        "a /word",
        "\\/foo",
        "### Instruction\n/foo",
        "/help",
        "/exit",
        "",
    ],
)
def test_paths_and_other_texts_are_not_asked_about(text: str) -> None:
    assert unknown_command(text) == ""


def test_a_backslash_sends_what_looks_like_a_command() -> None:
    assert without_escape("\\/foo bar") == Typed("/foo bar")
    assert without_escape("\\/exit") == Typed("/exit")


@given(st.text(alphabet="/abc \\?\n-", max_size=12))
def test_a_text_is_a_command_or_doubtful_or_sent(text: str) -> None:
    if read_slash(text) is not None or unknown_command(text):
        assert without_escape("\\" + text.lstrip()) == Typed(text.lstrip())
        assert not unknown_command("\\" + text.lstrip())


def test_what_was_not_typed_is_no_command() -> None:
    assert read_slash(Typed("/quit\nnow", ((0, 9),))) is None
    assert without_escape(Typed("\\/quit", ((0, 6),))) == Typed("\\/quit", ((0, 6),))
    assert without_escape(Typed("\\/quit abc", ((7, 10),))) == Typed("/quit abc", ((6, 9),))


def test_the_lines_below_a_command_stay_as_they_are() -> None:
    command = read_slash("/task summarise \n\ta\tb\n1\t\n")
    assert command is not None
    assert command.words == "summarise \n\ta\tb\n1\t"
    assert word_of(command.words) == ("summarise", "\n\ta\tb\n1\t")
