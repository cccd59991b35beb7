"""Terminals that are slow, old, broken or early do no harm."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.home import MODECHAT, Home, wait_for_start
from tests.e2e.slow_terminal import SlowTerminal
from tests.e2e.test_terminal_safety import prompt_lines
from tests.e2e.window import Window

NOT_UTF8 = {
    "Latin-1": (b"caf\xe9 ", "café"),
    "the last byte": (b"caf\xe9", "café"),
    "an 8-bit Alt": (b"a\xe1\xf8 ", "aáø"),
    "half a character": (b"a\xc3 \xe2\x82 b", "aÃ â‚ b"),
    "a surrogate": (b"a\xed\xa0\x80b", "ab"),
    "what never is UTF-8": (b"a\xff\xfe\xc0\x80b", "b"),
    "an old mouse": (b"a\x1b[M \xff\xfe\x1b[M#\xc3\xa9b", "ab"),
}


@pytest.mark.parametrize(("sent", "typed"), NOT_UTF8.values(), ids=NOT_UTF8)
@pytest.mark.every_day(2)
def test_bytes_that_are_no_utf8_are_typed_as_letters_and_end_nothing(
    sent: bytes, typed: str, home: Home
) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.send_bytes(sent)
        terminal.wait_for(lambda: set(typed) <= set(prompt_lines(terminal)[0]))
        terminal.send_bytes(b"\x1b[200~" + sent + b"\x1b[201~")
        terminal.type(" fine")
        terminal.wait_for("fine")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


def test_nonsense_about_the_size_of_the_window_does_nothing(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        reports = (
            "24;80;0;0",
            "0;0;0;0",
            "24;80;1;1",
            "0;80;480;640",
            "99999999;99999999;1;1",
            "-24;80;0;0",
            "24;80;0;9",
        )
        for report in reports:
            terminal.type(f"\x1b[48;{report}t")
            terminal.mouse(35, 10, 5)
            terminal.mouse(0, 10, 5)
            terminal.mouse(0, 10**9, 10**9, is_up=True)
        terminal.type("fine")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["fine"])
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


def test_a_window_of_an_impossible_size_does_no_harm(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.look_away()
        terminal.resize(65535, 65535)
        terminal.resize(80, 24)
        before = len(terminal.raw)
        terminal.type("fine")
        terminal.wait_until(
            lambda: b"Enter sends" in terminal.raw[before:] or b"fine" in terminal.raw[before:],
            "text",
        )
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


def test_what_is_typed_before_the_first_frame_arrives(home: Home) -> None:
    with home.start("--demo") as terminal:
        terminal.type("typed early")
        terminal.wait_for(
            lambda: "❯ chat" in terminal.text and prompt_lines(terminal) == ["typed early"]
        )


def test_what_is_sent_before_the_first_frame_is_sent(home: Home) -> None:
    with home.start("--demo") as terminal:
        terminal.type("sent early\r")
        terminal.wait_for("to come back.")
        assert "sent early" in terminal.words


def test_ctrl_z_gives_the_terminal_back_until_the_program_goes_on(home: Home) -> None:
    with home.start("--demo") as terminal:
        wait_for_start(terminal)
        terminal.type("kept")
        terminal.wait_for("kept")
        terminal.press("ctrl+z")
        terminal.wait_for(lambda: b"\x1b[?1004l" in terminal.raw)
        terminal.wait_for_stop()
        assert terminal.settings == terminal.settings_before
        assert "kept" not in terminal.text
        terminal.go_on()
        terminal.wait_for("Enter sends")
        terminal.type(" and more")
        terminal.wait_for(lambda: prompt_lines(terminal) == ["kept and more"])
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0


def test_a_storm_of_resizes_ends_soon_also_on_a_terminal_that_reads_slowly(home: Home) -> None:
    chosen = random.Random(0)
    with SlowTerminal.of(home, "--demo") as terminal:
        terminal.wait_until(lambda: b"Enter" in terminal.raw, "the hint")
        terminal.type("go on")
        terminal.wait_until(lambda: b"go on" in terminal.raw, "the text")
        terminal.press("enter")
        terminal.wait_until(lambda: b"writing" in terminal.raw, "the reply")
        terminal.become_slow()
        for number in range(400):
            terminal.resize(chosen.randint(1, 300), chosen.randint(1, 100))
            if number % 7 == 0:
                terminal.type(chosen.choice(["x", "\x1b[5~", "\x1bOP", "\x1b", "\x0f"]))
            terminal.pause(0.005)
        terminal.resize(100, 30)
        started = time.monotonic()
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
        assert time.monotonic() - started < 20
        assert b"\x1b[?1049l" in terminal.raw[-2000:]  # the usual screen is back
        assert len(terminal.raw) < 1_000_000


@pytest.mark.parametrize("moment", ["?1049h", "modechat", "Enter sends", "CPU"])
@pytest.mark.every_day(1)
def test_a_terminal_that_is_gone_ends_the_program_although_hang_ups_are_ignored(
    home: Home, moment: str
) -> None:
    command = (
        "/bin/sh",
        "-c",
        'trap "" HUP; exec "$@"',
        "sh",
        *MODECHAT,
        "--demo",
    )  # as nohup has it
    with Window(command, home.env, columns=80, rows=24) as window:
        window.wait_until(lambda: moment.encode() in window.raw, moment)
        assert window.hang_up() != 0


def test_a_terminal_that_is_known_by_its_name_gets_all_its_colours(home: Home) -> None:
    env = home.env | {"COLORTERM": ""}
    with Window((*MODECHAT, "--demo"), env, columns=80, rows=24, term="xterm-kitty") as window:
        window.wait_until(lambda: b"Enter sends" in window.raw, "the first frame")
        assert b"48;2;" in window.raw
