"""The prompt in a real terminal: keys as terminals send them, the cursor, an editor, drafts that
survive a kill.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from tests.e2e.home import Home, wait_for_start
from tests.e2e.terminal import Terminal
from tests.e2e.test_terminal_safety import WELCOME, assert_unharmed, prompt_lines

LONGEST_LOSS = 1.5  # seconds, on a busy machine


@pytest.mark.parametrize(
    "newline",
    [
        "\x1b\r",
        "\x1b[13;3u",
        "\x1b[27;3;13~",
        "\x1b[13;2u",
        "\x1b[27;2;13~",
        "\x1b[13;5u",
        "\n",
        "\\\r",
    ],
    ids=repr,
)
@pytest.mark.every_day(3)
def test_a_new_line_begins_in_every_encoding(newline: str, home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type("one")
        terminal.wait_for("one")
        for character in newline if newline.startswith("\\") else [newline]:
            terminal.type(character)
        terminal.type("two")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["one", "two"])
        terminal.wait_for(WELCOME)  # nothing was sent


def test_locks_released_keys_and_broken_reports_type_nothing(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type(
            "a\x1b[57358;1;65u\x1b[57360;1;49u\x1b[97:65;1:3u\x1b[<NaN;NaN;NaNMb\x1b[99999999999;1u\x1b[32uc"
        )
        terminal.wait_for(lambda: prompt_lines(terminal) == ["ab c"])
        assert_unharmed(terminal)


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_escapes_in_a_paste_are_text_however_it_arrives(size: int, home: Home) -> None:
    attack = "\x1b\x11\x1b[A\r\x1b[27u\x03\x1b\x1b\x0e" + "x" * size
    with home.start("--demo", columns=120) as terminal:
        wait_for_start(terminal)
        terminal.type("\x1b[20")
        terminal.type(f"0~{attack}\x1b[2")
        terminal.type("01~ end")
        terminal.wait_for(lambda: prompt_lines(terminal)[-1].endswith("end"))
        assert prompt_lines(terminal) == ["[Pasted text #1 · 2 lines] end"]
        terminal.wait_for(WELCOME)
        terminal.press("ctrl+c")
        assert_unharmed(terminal)


def after(terminal: Terminal, text: str) -> tuple[int, int]:
    """Where `text` ends in the prompt: row, column, in cells."""
    row = max(number for number, line in enumerate(terminal.lines) if text in line)
    return row, terminal.lines[row].index(text) + len(text)


def test_the_cursor_stands_where_text_is_typed_also_while_a_reply_comes(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type("hello there")
        terminal.wait_for(
            lambda: (
                "hello there" in terminal.words
                and terminal.cursor == after(terminal, "hello there")
            )
        )
        terminal.press("enter")
        terminal.wait_for("writing")
        terminal.type("next one")
        terminal.wait_for(
            lambda: (
                "writing" in terminal.words
                and "next one" in terminal.words
                and terminal.cursor == after(terminal, "next one")
            )
        )


def test_the_cursor_counts_cells_not_characters(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type("xy")
        terminal.wait_for(
            lambda: "xy" in terminal.words and terminal.cursor == after(terminal, "xy")
        )
        row, column = terminal.cursor
        terminal.type("日本")
        terminal.wait_for(lambda: terminal.cursor == (row, column + 4))


def editor(folder: Path, script: str) -> str:
    path = folder / "editor.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_an_editor_changes_the_text_and_the_screen_comes_back(home: Home, tmp_path: Path) -> None:
    visual = editor(
        tmp_path, 'echo EDITING; read answer; cat "$1" > "$1.old"; printf "%s" "$answer" >> "$1"'
    )
    with home.start("--demo", VISUAL=visual) as terminal:
        wait_for_start(terminal)
        terminal.type("written ")
        terminal.wait_for("written")
        terminal.type("\x1be")
        terminal.wait_for("EDITING")
        terminal.type("elsewhere\r")
        terminal.wait_for("written elsewhere")
        terminal.wait_for("Enter sends")  # the whole screen is back
        terminal.type("\x1fz")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["written z"])
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


@pytest.mark.parametrize(
    ("script", "told"), [("exit 3", "ended with the code 3"), ('rm "$1"', "cannot be used")]
)
def test_what_goes_wrong_in_an_editor_is_told_and_nothing_is_lost(
    script: str, told: str, home: Home, tmp_path: Path
) -> None:
    with home.start("--demo", VISUAL=editor(tmp_path, script)) as terminal:
        wait_for_start(terminal)
        terminal.type("precious")
        terminal.wait_for("precious")
        terminal.type("\x1be")
        terminal.wait_for(told)
        terminal.wait_for("Enter sends")
        assert prompt_lines(terminal) == ["precious"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "waits", ["exec sleep 60", "sleep 60", "trap '' TERM HUP; while :; do sleep 1; done"]
)
@pytest.mark.every_day(1)
def test_the_end_does_not_wait_for_an_editor_and_keeps_what_was_saved_there(
    waits: str, how: signal.Signals, home: Home, tmp_path: Path, tiny_model: Path
) -> None:
    visual = editor(tmp_path, f'echo EDITING; printf " and saved" >> "$1"; echo SAVED; {waits}')
    with home.start("--model", tiny_model, VISUAL=visual) as terminal:
        wait_for_start(terminal)
        terminal.type("written")
        terminal.wait_for("written")
        terminal.type("\x1be")
        terminal.wait_for("SAVED")
        os.kill(terminal.process_id, how)
        assert terminal.wait_for_end(timeout=20) == 0
        assert terminal.settings == terminal.settings_before
    with home.start("--model", tiny_model) as terminal:
        terminal.wait_for("written and saved")
    assert left_by_editors(home) == []


def left_by_editors(home: Home) -> list[Path]:
    return [path for path in home.folder.rglob("*") if path.name == "message.md"]


def test_what_a_killed_program_left_of_an_editor_goes_at_the_next_start(
    home: Home, tmp_path: Path
) -> None:
    with home.start("--demo", VISUAL=editor(tmp_path, "echo EDITING; exec sleep 60")) as terminal:
        wait_for_start(terminal)
        terminal.type("a secret")
        terminal.wait_for("a secret")
        terminal.type("\x1be")
        terminal.wait_for("EDITING")
        (left,) = left_by_editors(home)
        assert stat.S_IMODE(left.stat().st_mode) == 0o600
        assert (
            stat.S_IMODE(left.parent.stat().st_mode)
            == stat.S_IMODE(left.parent.parent.stat().st_mode)
            == 0o700
        )
        with home.start("--demo") as other:  # while the first one lives, its file is its own
            wait_for_start(other)
            other.press("ctrl+q")
            assert other.wait_for_end() == 0
        assert left_by_editors(home) == [left]
        os.kill(terminal.process_id, signal.SIGKILL)
    with home.start("--demo") as terminal:
        wait_for_start(terminal)

        def it_is_gone() -> bool:
            terminal.type("x\x7f")  # something is painted, so that this is asked again
            return not left.exists()

        terminal.wait_for(it_is_gone)


def test_a_draft_survives_a_kill(home: Home, tiny_model: Path) -> None:
    with home.start("--model", tiny_model) as terminal:
        wait_for_start(terminal)
        terminal.type("what I had in mind")
        terminal.wait_for("what I had in mind")
        typed_at = time.monotonic()

        def a_moment_has_passed() -> bool:
            terminal.type(
                "\x1b[D"
            )  # moving the cursor has the screen painted, so that this is asked again
            return time.monotonic() - typed_at > LONGEST_LOSS

        terminal.wait_for(a_moment_has_passed)
        terminal.kill()
    with home.start("--model", tiny_model) as terminal:
        terminal.wait_for("what I had in mind")


def test_nothing_that_is_typed_is_kept_without_history(home: Home, tiny_model: Path) -> None:
    with home.start("--model", tiny_model, "--no-history") as terminal:
        wait_for_start(terminal)
        terminal.type("a secret")
        terminal.wait_for("a secret")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    kept = [
        path
        for path in home.folder.rglob("*")
        if path.is_file() and b"a secret" in path.read_bytes()
    ]
    assert kept == []


def test_nothing_is_painted_over_an_editor_while_a_reply_comes(home: Home, tmp_path: Path) -> None:
    visual = editor(tmp_path, 'echo EDITING; read answer; printf "%s" "$answer" > "$1"')
    with home.start("--demo", VISUAL=visual) as terminal:
        wait_for_start(terminal)
        terminal.type("go on")
        terminal.wait_for("go on")
        terminal.press("enter")
        terminal.wait_for("writing")
        terminal.type("\x1be")
        terminal.wait_for("EDITING")
        before = len(terminal.raw)
        started = time.monotonic()

        def a_moment_has_passed() -> bool:
            terminal.type(".")  # echoed by the terminal, so that this is asked again
            return time.monotonic() - started > 1

        terminal.wait_for(a_moment_has_passed)
        assert set(terminal.raw[before:]) <= set(b".\r\n")
        terminal.type("\r")
        terminal.wait_for("to come back.")  # the reply went on meanwhile
        assert prompt_lines(terminal)[0].startswith(".....")


def test_a_paste_without_marks_is_quick_and_sends_nothing(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        started = time.monotonic()
        terminal.type("a long line of words without an end " * 3000 + "\rand one more")
        terminal.wait_for("[Pasted text #1 · 2 lines]", timeout=20)
        assert time.monotonic() - started < 20
        terminal.wait_for(WELCOME)
