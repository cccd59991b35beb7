"""A window of any size, and one that changes, does no harm."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.geometry import Size
from textual.screen import Screen as TextualScreen

from tests.tui.harness import Screen, running_app

DIALOGS = {
    "help": ("f1",),
    "inspector": ("f2",),
    "models": ("f3",),
    "settings": ("f4",),
    "a setting": ("f4", "enter"),
    "message": ("f8",),
    "sent before": ("f9",),
    "compare": ("f10",),
    "columns": ("f10", "down", "down", "down", "enter"),
    "log": ("f12",),
    "conversations": ("ctrl+o",),
    "palette": ("ctrl+p",),
    "help of a dialog": ("f4", "f1"),
}
SIZES = [(1, 1), (2, 9), (4, 24), (6, 30), (24, 8), (300, 2)]


async def resize(screen: Screen, columns: int, rows: int) -> None:
    await screen.pilot.resize_terminal(columns, rows)
    await screen.pilot.pause()


@pytest.mark.parametrize("keys", DIALOGS.values(), ids=DIALOGS)
@pytest.mark.every_day(4)
async def test_every_dialog_stands_every_size(keys: tuple[str, ...], tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(80, 24)) as screen:
        await screen.send("a message 日本語")
        await screen.type("compare this")
        await screen.press(*keys)
        await screen.until(lambda: len(screen.app.screen_stack) > 1)
        for columns, rows in SIZES:
            await resize(screen, columns, rows)
            await screen.press("down", "pagedown", "up")
        await resize(screen, 80, 24)
        for _ in keys:
            await screen.press("escape")


@pytest.mark.parametrize("columns", [1, 3, 6])
@pytest.mark.every_day(1)
async def test_every_dialog_opens_in_the_smallest_window(columns: int, tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(columns, 10)) as screen:
        for keys in DIALOGS.values():
            await screen.press(*keys)
            await screen.press(*("escape" for _ in keys))


@pytest.mark.parametrize("key", ["", "f1", "f3", "ctrl+o"])
@pytest.mark.every_day(1)
async def test_nothing_is_laid_out_for_ever_in_any_size(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[TextualScreen[object]] = []
    refresh_layout = TextualScreen._refresh_layout

    def counted(
        self: TextualScreen[object], size: Size | None = None, scroll: bool = False
    ) -> None:
        laid_out.append(self)
        refresh_layout(self, size, scroll)

    monkeypatch.setattr(TextualScreen, "_refresh_layout", counted)

    async with running_app(tmp_path, size=(80, 24)) as screen:
        await screen.send("a message 日本語 that is wrapped in small windows")
        if key:
            await screen.press(key)
            await screen.until(lambda: len(screen.app.screen_stack) > 1)
        for columns, rows in [
            (1, 1),
            (1, 10),
            (2, 3),
            (3, 30),
            (7, 2),
            (13, 9),
            (24, 8),
            (25, 60),
            (80, 24),
        ]:
            await resize(screen, columns, rows)
            laid_out.clear()
            for _ in range(3):
                await screen.pilot.pause()
            assert len(laid_out) < 4, (columns, rows)


@pytest.mark.parametrize("size", [(18, 5), (30, 4), (18, 24), (30, 10), (80, 3), (1, 1)])
async def test_after_a_window_that_was_small_everything_is_shown_as_before(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with running_app(tmp_path, size=(80, 24)) as screen:
        await screen.send("What is the capital of France? Is it Paris?")
        before = screen.text
        await resize(screen, *size)
        await resize(screen, 80, 24)
        await screen.until(lambda: screen.text == before)


@pytest.mark.parametrize("size", [(20, 6), (100, 7), (23, 30), (1, 1)])
async def test_after_a_window_that_was_too_small_one_goes_on_typing(
    size: tuple[int, int], tmp_path: Path
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.type("one ")
        await resize(screen, *size)
        await resize(screen, 100, 30)
        await screen.until(lambda: screen.app.focused is screen.prompt.area)
        await screen.type("two")
        await screen.until(lambda: screen.prompt.text == "one two")


@pytest.mark.parametrize("key", ["ctrl+o", "f3", "f1", "f9"])
@pytest.mark.every_day(1)
async def test_after_a_window_that_was_too_small_one_goes_on_typing_in_a_dialog(
    key: str, tmp_path: Path
) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.send("hello")
        await screen.press(key)
        await screen.until(lambda: len(screen.app.screen_stack) > 1)
        await resize(screen, 20, 6)
        await resize(screen, 100, 30)
        await screen.type("word")
        await screen.sees("word")
        await screen.press("escape")
        await screen.type("back")
        await screen.until(lambda: screen.prompt.text == "back")


async def test_a_window_that_was_too_small_behind_a_dialog_is_whole_again(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(100, 30)) as screen:
        await screen.press("f1")
        await resize(screen, 20, 6)
        await screen.press("escape")
        await screen.sees("Please make the")
        await resize(screen, 100, 30)
        await screen.sees("Enter sends")
        await screen.type("hello")
        await screen.until(lambda: screen.prompt.text == "hello")


async def test_sizes_that_come_at_once_do_not_bring_each_other_back_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_app(tmp_path, size=(80, 24)) as screen:
        shown = screen.app.screen
        taken: list[Size] = []
        take = shown._screen_resized

        def count(size: Size) -> None:
            taken.append(size)
            take(size)

        monkeypatch.setattr(shown, "_screen_resized", count)
        for columns, rows in ((80, 25), (80, 24), (81, 24), (80, 24)):
            size = Size(columns, rows)
            shown.post_message(events.Resize(size, size))
            shown.call_later(lambda: None)  # else Textual joins them
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert len(taken) <= 8
        assert shown.size == Size(80, 24)


async def test_the_palette_has_no_shreds_of_help_where_there_is_no_room_for_it(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(40, 15)) as screen:
        await screen.press("ctrl+p")
        await screen.sees("Continue the reply  ")
        assert "…" not in screen.text
        await screen.pilot.resize_terminal(100, 30)
        await screen.sees(
            "Continue the reply            Go on with the last reply where it was cut"
        )
