"""A file that hangs, on a lost network for example: the keys go on, Esc gives it up, and so does
the end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.events import Key

from modechat.session.variants import VariantSettings
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.screens.compare_setup import CompareSetup
from tests.session.fake_files import with_files
from tests.session.harness import settings
from tests.tui.harness import Screen, running_app
from tests.tui.test_order import type_lines

STOPPED = "Stopped: nothing was done."


class Hang:
    """A file that is read until the end of the test."""

    def __init__(self) -> None:
        self._is_over = threading.Event()
        self.is_read = threading.Event()

    def __call__(self, *_arguments: object) -> str:
        self.is_read.set()
        self._is_over.wait(60)
        return ""

    def end(self) -> None:
        self._is_over.set()


@pytest.fixture
def hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hang]:
    """`n.txt` in the working folder hangs."""
    hang = Hang()
    monkeypatch.setattr("modechat.session.attachments.read_attached", hang)
    (tmp_path / "n.txt").write_text("text")
    monkeypatch.chdir(tmp_path)
    yield hang
    hang.end()


async def press_without_waiting(screen: Screen, *keys: str) -> None:
    for key in keys:
        screen.app.post_message(Key(key, key if len(key) == 1 else None))
    await asyncio.sleep(0)


@pytest.mark.parametrize("key", ["f2", "f10"])
async def test_a_key_that_reads_it_holds_up_no_other_key_and_escape_gives_it_up(
    tmp_path: Path, hang: Hang, key: str
) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.send("Hi")
        await screen.type("Read @n.txt ")
        await press_without_waiting(screen, key)
        await screen.until(hang.is_read.is_set)
        await press_without_waiting(screen, "a", "b", "c")
        await screen.until(lambda: screen.prompt.text == "Read @n.txt abc")
        await screen.press("escape")
        await screen.sees(STOPPED)
        assert len(screen.app.screen_stack) == 1


@pytest.mark.parametrize("key", ["f2", "f10"])
async def test_the_program_ends_while_a_key_reads_it(tmp_path: Path, hang: Hang, key: str) -> None:
    async with running_app(tmp_path / "data") as screen:
        await screen.type("Read @n.txt ")
        await press_without_waiting(screen, key)
        await screen.until(hang.is_read.is_set)
        await press_without_waiting(screen, "ctrl+q")
        await screen.until(lambda: screen.app.session is None)


@pytest.mark.parametrize("command", ["/compare Read @n.txt ", "/prompt Read @n.txt "])
async def test_a_typed_command_that_reads_it_is_given_up_and_comes_back(
    tmp_path: Path, hang: Hang, command: str
) -> None:
    async with running_app(tmp_path / "data") as screen:
        await type_lines(screen, command)
        await screen.until(hang.is_read.is_set)
        await screen.type("typed since")
        await screen.press("escape")
        await screen.sees(STOPPED)
        assert screen.prompt.text == f"{command}\n\ntyped since"
        screen.prompt.clear()
        await screen.send("Hello")
        assert len(screen.replies) == 1


async def test_the_end_waits_for_no_typed_command_that_reads_it(tmp_path: Path, hang: Hang) -> None:
    async with running_app(tmp_path / "data") as screen:
        await type_lines(screen, "/compare Read @n.txt ")
        await screen.until(hang.is_read.is_set)
        chat = screen.app.screen_stack[0]
        assert isinstance(chat, ChatScreen)
        await asyncio.wait_for(chat.finish(), 15)


async def test_stop_that_is_typed_gives_up_the_file_of_a_message_and_that_of_a_command(
    tmp_path: Path, hang: Hang
) -> None:
    async with running_app(tmp_path / "data") as screen:
        for command, said in (
            ("Read @n.txt ", "Stopped: nothing was sent."),
            ("/compare Read @n.txt ", STOPPED),
        ):
            hang.is_read.clear()
            await type_lines(screen, command)
            await screen.until(hang.is_read.is_set)
            await type_lines(screen, "/stop")
            await screen.sees(said)
            assert screen.prompt.text == command
            screen.prompt.clear()
        assert screen.replies == []


@pytest.mark.parametrize("method", ["settings_for", "check_model"])
async def test_a_model_that_hangs_is_given_up_and_what_comes_after_it_is_done(
    tmp_path: Path, method: str
) -> None:
    hang = Hang()
    files = with_files(settings(), settings_for=hang)
    if method == "check_model":
        hanging = with_files(settings(), check_model=hang)
        files = with_files(settings(), settings_for=lambda _name: hanging)
    async with running_app(tmp_path / "data", session_settings=files) as screen:
        await screen.send("first message")
        await type_lines(screen, "/model /dead/x.gguf")
        await screen.until(hang.is_read.is_set)
        await type_lines(screen, "Hello")
        await screen.press("escape")
        await screen.sees(STOPPED)
        await screen.until(lambda: len(screen.replies) == 2)
    hang.end()


async def test_a_model_that_hangs_in_a_comparison_is_given_up(tmp_path: Path, hang: Hang) -> None:
    files = with_files(settings(), settings_for=hang)
    async with running_app(tmp_path / "data", session_settings=files) as screen:
        await screen.send("first message")
        await screen.press("f10")
        await screen.until(lambda: isinstance(screen.app.screen, CompareSetup))
        screen.app.screen.dismiss((VariantSettings(), VariantSettings(model="/dead/x.gguf")))
        await screen.until(hang.is_read.is_set)
        await screen.press("escape")
        await screen.sees(STOPPED)
        await screen.until(lambda: len(screen.app.screen_stack) == 1)
