"""Copying: through the terminal, through the system's programs, and what is said of it."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from modechat.tui import clipboard
from modechat.tui.clipboard import LONGEST, Clipboard, osc52
from tests.e2e.home import Home
from tests.tui.harness import running_app

TEXT = "naïve 🦙\nsecond line"
Env = dict[str, str]
Install = Callable[..., None]


@pytest.fixture
def env(tmp_path: Path) -> Env:
    """No clipboard, but a folder for programs."""
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "TERM": "xterm-256color"}


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """Puts a program on the path that writes what it gets into `NAME.txt`."""

    def install(name: str, *, fails: bool = False, hangs: bool = False) -> None:
        path = tmp_path / "bin" / name
        end = "exit 1" if fails else "exec /bin/sleep 1000" if hangs else "exit 0"
        path.write_text(
            f'#!/bin/sh\n/bin/cat > "{tmp_path}/{name}.txt"\necho "$@" > "{tmp_path}/{name}.args"\n{end}\n'
        )
        path.chmod(0o755)

    return install


def copy(env: Env, text: str = TEXT, platform: str = "linux") -> tuple[str, str]:
    """What the user is told, and what went to the terminal."""
    sent: list[str] = []
    result = asyncio.run(Clipboard(sent.append, env, platform).copy(text))
    return str(result), "".join(sent)


def decoded(sequence: str) -> str:
    match = re.fullmatch(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sequence)
    assert match, repr(sequence)
    return base64.b64decode(match[1]).decode()


def test_a_terminal_is_sent_the_text(env: Env) -> None:
    told, sent = copy(env)
    assert told == "Sent to the terminal's clipboard."
    assert decoded(sent) == TEXT


@pytest.mark.parametrize(
    ("name", "variables", "platform"),
    [
        ("wl-copy", {"WAYLAND_DISPLAY": "wayland-0"}, "linux"),
        ("xclip", {"DISPLAY": ":0"}, "linux"),
        ("xsel", {"DISPLAY": ":0"}, "linux"),
        ("pbcopy", {}, "darwin"),
        ("termux-clipboard-set", {"TERMUX_VERSION": "1"}, "linux"),
        ("tmux", {"TMUX": "/tmp/tmux,1,0"}, "linux"),
    ],
)
def test_a_program_that_is_there_has_the_text(
    env: Env, install: Install, tmp_path: Path, name: str, variables: Env, platform: str
) -> None:
    install(name)
    told, sent = copy(env | variables, platform=platform)
    assert told == f"Copied ({name})."
    assert (tmp_path / f"{name}.txt").read_text() == TEXT
    assert sent


def test_windows_program_is_given_its_own_encoding(
    env: Env, install: Install, tmp_path: Path
) -> None:
    install("clip.exe")
    told, _ = copy(env | {"WSL_DISTRO_NAME": "Debian"})
    assert told == "Copied (clip.exe)."
    assert (tmp_path / "clip.exe.txt").read_bytes().decode("utf-16") == TEXT


def test_programs_that_do_not_belong_here_are_not_asked(
    env: Env, install: Install, tmp_path: Path
) -> None:
    for name in ("wl-copy", "xclip", "xsel", "pbcopy", "clip.exe", "tmux"):
        install(name)
    assert copy(env)[0] == "Sent to the terminal's clipboard."
    assert list(tmp_path.glob("*.txt")) == []


@pytest.mark.parametrize("variable", ["SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT"])
def test_over_ssh_the_terminal_alone_is_asked(
    env: Env, install: Install, tmp_path: Path, variable: str
) -> None:
    install("xclip")
    told, sent = copy(env | {"DISPLAY": "localhost:10.0", variable: "x"})
    assert told == "Sent to the terminal's clipboard."
    assert decoded(sent) == TEXT
    assert list(tmp_path.glob("*.txt")) == []


def test_where_a_program_fails_the_next_one_is_asked(env: Env, install: Install) -> None:
    install("wl-copy", fails=True)
    install("xsel")
    assert copy(env | {"WAYLAND_DISPLAY": "x", "DISPLAY": ":0"})[0] == "Copied (xsel)."


def test_a_program_that_hangs_is_given_up(
    env: Env, install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clipboard, "_SECONDS", 0.2)
    install("xclip", hangs=True)
    assert copy(env | {"DISPLAY": ":0"})[0] == "Sent to the terminal's clipboard."


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"TERM": "linux"}, "the console has no clipboard"),
        (
            {"TERM_PROGRAM": "Apple_Terminal"},
            "this terminal lets no program write to its clipboard",
        ),
        ({"VTE_VERSION": "7600", "DISPLAY": ":0"}, "xclip and xsel did not take it either"),
    ],
)
def test_copied_is_never_said_where_nothing_can_have_worked(
    env: Env, variables: Env, reason: str
) -> None:
    told, _ = copy(env | variables)
    assert told.startswith("Nothing here takes a copy: ")
    assert reason in told


def test_a_text_that_is_too_long_for_terminals_is_not_sent_to_them(
    env: Env, install: Install, tmp_path: Path
) -> None:
    text = "x" * LONGEST
    assert copy(env, text) == ("Nothing here takes a copy: it is longer than terminals take.", "")
    install("xclip")
    told, sent = copy(env | {"DISPLAY": ":0"}, text)
    assert (told, sent) == ("Copied (xclip).", "")
    assert (tmp_path / "xclip.txt").read_text() == text


def test_a_text_with_half_a_character_is_copied(env: Env) -> None:
    assert decoded(copy(env, "a\ud83eb")[1]) == "a?b"


def test_the_sequence_passes_through_tmux_and_screen() -> None:
    plain = osc52(TEXT * 100, {})
    in_tmux = osc52(TEXT * 100, {"TMUX": "x"})
    assert in_tmux.startswith("\x1bPtmux;\x1b\x1b]52;")
    assert (
        in_tmux.removeprefix("\x1bPtmux;").removesuffix("\x1b\\").replace("\x1b\x1b", "\x1b")
        == plain
    )
    chunks = re.findall(r"\x1bP(.*?)\x1b\\", osc52(TEXT * 100, {"STY": "x"}), re.DOTALL)
    assert "".join(chunks) == plain
    assert max(map(len, chunks)) <= 768


async def test_what_came_of_it_is_told_on_the_screen(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.type("words")
        await screen.press("f7", "ctrl+c")
        await screen.sees("clipboard")


def test_ctrl_c_copies_the_selection_in_a_real_terminal(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "xclip").write_text(f'#!/bin/sh\n/bin/cat > "{tmp_path}/copied"\n')
    (programs / "xclip").chmod(0o755)
    path = f"{programs}{os.pathsep}{home.env.get('PATH', '')}"
    variables = {"DISPLAY": ":0", "PATH": path, "SSH_CONNECTION": "", "WAYLAND_DISPLAY": ""}
    home.env = {name: value for name, value in (home.env | variables).items() if value}
    with home.start("--demo") as terminal:
        terminal.wait_for("Enter sends")
        terminal.type("copy me")
        terminal.wait_for("copy me")
        terminal.type("\x1b[18~")  # F7
        terminal.press("ctrl+c")
        terminal.wait_for("Copied (xclip).")
        assert b"\x1b]52;c;" + base64.b64encode(b"copy me") + b"\x07" in terminal.raw
    assert (tmp_path / "copied").read_text() == "copy me"


@pytest.mark.parametrize("is_off", [False, True])
def test_the_mouse_can_be_left_to_the_terminal(tmp_path: Path, is_off: bool) -> None:
    home = Home(tmp_path / "home")
    with home.start("--demo", *(["--no-mouse"] if is_off else [])) as terminal:
        terminal.wait_for("Enter sends")
        assert (b"\x1b[?1000h" in terminal.raw) is not is_off
