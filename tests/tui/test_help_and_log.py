"""The help screen and the log screen."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from modechat.log_tail import LogTail
from modechat.session.events import Trouble
from modechat.tui.screens.help import Section, found_sections, help_lines
from modechat.tui.screens.log import LogScreen, folded
from tests.tui.harness import Screen, running_app


async def test_help_is_searched_by_typing(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.press("f1")
        await screen.sees("### Instruction")
        await screen.type("zzz")
        await screen.sees("Nothing here has these words.")
        await screen.press("ctrl+u")
        await screen.type("another reply")
        await screen.sees("Ctrl+R")
        await screen.until(lambda: "Shift+Tab  " not in screen.text.split("Ctrl+R")[0])
        await screen.press("f1")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


@pytest.mark.parametrize("key", ["f3", "f4", "ctrl+o", "f12", "f2"])
async def test_help_in_a_dialog_begins_with_its_keys(tmp_path: Path, key: str) -> None:
    async with running_app(tmp_path) as screen:
        await screen.settled()
        await screen.press(key)
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.press("f1")
        await screen.sees("Here: ")
        await screen.sees("Close this screen")
        await screen.press("escape")
        await screen.until(lambda: len(screen.app.screen_stack) == 2)
        await screen.press("escape")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


@pytest.mark.parametrize("width", [10, 38, 56, 120])
def test_no_line_of_the_help_is_wider_than_its_room(width: int) -> None:
    sections = [
        Section(
            "Title",
            (("Up, Down, Page Up, Page Down and more", "what it does " * 20), ("x", "日本語" * 30)),
        )
    ]
    lines = help_lines(sections, width)
    assert max(line.cell_length for line in lines) <= width
    assert sum(line.plain.count("what") for line in lines) == 20


def test_sections_without_a_hit_are_left_out() -> None:
    sections = [
        Section("Keys", (("F1", "help"), ("F2", "prompt"))),
        Section("Other", (("x", "y"),)),
    ]
    assert found_sections(sections, "PROMPT") == (Section("Keys", (("F2", "prompt"),)),)
    assert found_sections(sections, "keys f1") == (Section("Keys", (("F1", "help"),)),)
    assert found_sections(sections, "") == tuple(sections)


# The log


async def show(screen: Screen, log: Path, *troubles: Trouble) -> None:
    await screen.settled()
    when = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    screen.app.push_screen(
        LogScreen(LogTail(log), lambda: [(when, trouble) for trouble in troubles])
    )
    await screen.sees("Log · the engine's log")


async def test_the_log_is_followed_and_filtered(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))

    async with running_app(tmp_path / "data") as screen:
        await show(screen, log)
        await screen.sees("line 99")
        assert "line 1 " not in screen.text
        with log.open("a") as file:
            file.write("the newest\n")
        await screen.sees("the newest")
        await screen.press("pageup")
        with log.open("a") as file:
            file.write("even newer\n")
        await screen.sees("102 lines")
        assert "even newer" not in screen.text
        await screen.type("new")
        await screen.sees("2 lines")
        await screen.sees("even newer")


async def test_the_log_shows_what_went_wrong_in_the_program(tmp_path: Path) -> None:
    trouble = Trouble("The engine died", "It is starting again.", ("ggml abort", "[/x]\x1b[31m"))

    async with running_app(tmp_path / "data") as screen:
        await show(screen, tmp_path / "nowhere.log", trouble)
        await screen.sees("Nothing yet")
        await screen.press("tab")
        await screen.sees("The engine died")
        await screen.sees("[/x]␛[31m")
        await screen.press("f12")
        await screen.until(lambda: len(screen.app.screen_stack) == 1)


async def test_troubles_of_the_session_reach_the_log(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.settled()
        screen.tell(Trouble("Something odd", "Nothing to do."))
        await screen.sees("Something odd")
        await screen.press("f12", "tab")
        await screen.sees("Log · what went wrong")
        await screen.sees("Nothing to do.")
        await screen.sees("2 lines")


async def test_nothing_in_a_log_acts(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_bytes(
        b"\x1b]52;c;aGk=\x07 [@click=app.quit]x[/] \xff\xfe\r\n" + b"w" * 100_000 + b"\n[/nope]\n"
    )

    async with running_app(tmp_path / "data") as screen:
        await show(screen, log)
        await screen.sees("[/nope]")
        await screen.press("ctrl+home")
        await screen.sees("␛]52;c;aGk=␇ [@click=app.quit]x[/]")
        assert "\x1b" not in screen.text


async def test_the_lines_that_are_shown_are_copied(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    log.write_text("one\ntwo\n")

    async with running_app(tmp_path / "data") as screen:
        await show(screen, log)
        await screen.type("two")
        await screen.sees("1 line ·")
        await screen.press("ctrl+y")
        await screen.sees("clipboard")
        assert screen.app.clipboard == "two"


async def test_a_copy_that_failed_is_told_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "linux")
    for name in ("TMUX", "STY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    async with running_app(tmp_path / "data", size=(120, 24)) as screen:
        await show(screen, tmp_path / "nowhere.log", Trouble("The engine died"))
        await screen.press("tab", "ctrl+y")
        await screen.sees("Nothing here takes a copy: the console has no clipboard.")
        assert "Sent to the" not in screen.text


def test_a_long_line_is_folded() -> None:
    assert folded("abc", 3) == ["abc"]
    assert folded("abcdefg", 3) == ["abc", "def", "g"]
    assert folded("", 3) == [""]


def test_the_help_finds_actions_by_what_they_are_called_elsewhere() -> None:
    sections = (Section("Reply", (("Ctrl+R", "Ask for another reply to the last message"),)),)
    assert found_sections(sections, "regen") == sections
    assert found_sections(sections, "delete") == ()
