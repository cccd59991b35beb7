"""Text of users, models and files cannot act on the terminal; a paste is text and sends nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.e2e.home import Home, badge, transcript, type_and_enter, wait_for_start
from tests.e2e.hostile import ATTACK, foreign_sequences
from tests.e2e.terminal import Terminal
from tests.tiny_models import write_llama

ESC = "\x1b"
DEMO_REPLY_ENDS = "to come back."
WELCOME = "Everything stays on this machine."


def prompt_lines(terminal: Terminal) -> list[str]:
    """What stands in the prompt's frame."""
    lines = [line.strip() for line in terminal.lines]
    frame = max(i for i, line in enumerate(lines) if line.startswith("╭"))
    return [line.strip("│ ") for line in lines[frame + 1 :] if line.startswith("│")]


def assert_unharmed(terminal: Terminal) -> None:
    """Nothing but what Textual writes came out, and the program still does what it is told."""
    assert terminal.title == ""
    terminal.press("ctrl+q")
    assert terminal.wait_for_end() == 0
    assert foreign_sequences(terminal.raw) == set()
    assert terminal.raw.count(b"\x1b[?1049h") == terminal.raw.count(b"\x1b[?1049l") == 1


@pytest.mark.parametrize(
    "attack", ["\x1b]0;PWNED\x07", "\x9b31m", "\x1b[31m", "\x1bc", "\x1b[5n", "\x07", "\x85"]
)
def test_the_detector_finds_what_textual_would_not_write(attack: str) -> None:
    assert foreign_sequences(f"text {attack} text".encode())


def test_a_pasted_attack_is_shown_as_text_and_sent_as_text(home: Home) -> None:
    with home.start("--demo", columns=120, rows=50) as terminal:
        wait_for_start(terminal)
        terminal.paste(f"begin {ATTACK.replace(ESC, '')} end")  # as terminals paste
        terminal.wait_for(lambda: "[Pasted text #1" in prompt_lines(terminal)[0])
        terminal.type("\x9b31m \x9d0;PWNED\x9c typed")
        terminal.wait_for("typed")
        terminal.press("enter")
        terminal.wait_for(DEMO_REPLY_ENDS)
        assert "begin ]0;PWNED␇" in transcript(terminal)
        assert "[@click=app.quit]quit[/]" in terminal.words
        assert_unharmed(terminal)


def test_an_attack_comes_to_nothing_that_is_pasted_by_a_terminal_that_leaves_escapes_in(
    home: Home,
) -> None:
    with home.start("--demo", columns=120, rows=50) as terminal:
        wait_for_start(terminal)
        terminal.paste(f"{ESC}]0;PWNED{ESC}\\ {ESC}[31mred {ESC}[5n {ESC}P+q544e{ESC}\\\r")
        terminal.wait_for("[Pasted text #1")
        terminal.type("typed")
        terminal.wait_for("typed")
        terminal.wait_for(WELCOME)  # nothing was sent
        assert_unharmed(terminal)


def test_a_hostile_reply_and_a_hostile_failure_are_shown_as_text(home: Home) -> None:
    with Terminal(
        (sys.executable, "-m", "tests.e2e.hostile"), home.env, columns=120, rows=100
    ) as terminal:
        wait_for_start(terminal)
        type_and_enter(terminal, "### Chat answer")
        terminal.wait_for("The end.")
        assert "␛]0;PWNED␇" in terminal.text
        type_and_enter(terminal, "### Chat fail")
        terminal.wait_for("✗ ␛]0;PWNED␇")
        type_and_enter(terminal, "### Instruction answer")
        terminal.wait_for(lambda: terminal.text.count("The end.") == 2)
        assert_unharmed(terminal)


def test_a_hostile_file_name_is_shown_as_text(home: Home, tmp_path: Path) -> None:
    model = write_llama(tmp_path / "evil\x1b]0;PWNED\x07\x9b31m.gguf")
    with home.start("--model", model, columns=120) as terminal:
        wait_for_start(terminal)
        terminal.wait_for("evil␛]0;PWNED␇")
        assert_unharmed(terminal)
    with home.start(
        "--model", tmp_path / "no\x1b]0;PWNED\x07\x9b31m.gguf", columns=120
    ) as terminal:
        assert terminal.wait_for_end() == 4
        assert "no␛]0;PWNED␇" in terminal.text
        assert foreign_sequences(terminal.raw) == set()


def test_a_paste_of_several_lines_is_never_sent(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.paste("one\rtwo\nthree\r\nfour\r")
        terminal.type("five")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["one", "two", "three", "four", "five"])
        terminal.wait_for(WELCOME)  # nothing was sent
        terminal.press("enter")
        terminal.wait_for(lambda: prompt_lines(terminal) != ["one", "two", "three", "four", "five"])
        terminal.wait_for(DEMO_REPLY_ENDS)


def test_shift_enter_and_ctrl_j_begin_new_lines_and_enter_sends(home: Home) -> None:
    with home.start("--demo", rows=40) as terminal:
        wait_for_start(terminal)
        terminal.type("one")
        terminal.press("shift+enter")
        terminal.type("two")
        terminal.press("ctrl+j")
        terminal.type("three")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["one", "two", "three"])
        terminal.wait_for(WELCOME)  # nothing was sent
        terminal.press("enter")
        terminal.wait_for(DEMO_REPLY_ENDS)
        assert WELCOME not in terminal.words
        shown = [line.strip(" ▌") for line in transcript(terminal).splitlines()]
        assert shown[:3] == ["one", "two", "three"]


def test_the_badge_changes_while_a_header_is_typed(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type("### Instructio")
        terminal.wait_for("### Instructio")
        assert badge(terminal) == "❯ chat"
        terminal.type("n")
        terminal.wait_for(lambda: badge(terminal) == "» instruct")
