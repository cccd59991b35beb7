"""How it looks in windows of all sizes: what stands in the column, how high dialogs are, what hints
name.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
from textual.color import Color

from modechat.engine.scripted import ScriptedEngine
from modechat.tui.look import DARK, Look
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.compare_column import CompareColumn
from tests.tui.harness import Screen, running_app
from tests.tui.snapshot import strips_of


def column_of(screen: Screen, text: str) -> int:
    line = next(line for line in screen.text.splitlines() if text in line)
    return line.index(text)


class Gate:
    """A pace that stops a reply after its first words."""

    def __init__(self) -> None:
        self.n_words: int | None = None
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        if self.n_words is None:
            return  # the model is being loaded
        self.n_words += 1
        if self.n_words > 5:
            await self.opened.wait()


@pytest.mark.parametrize("width", [80, 118, 120, 200])
async def test_what_is_queued_and_what_completes_stand_above_the_prompts_text(
    tmp_path: Path, width: int
) -> None:
    gate = Gate()

    async with running_app(tmp_path, lambda _: "word " * 20, pace=gate, size=(width, 24)) as screen:
        await screen.settled()
        gate.n_words = 0
        await screen.type("First")
        await screen.press("enter")
        await screen.sees("word word")
        await screen.type("Second")
        await screen.press("enter")
        await screen.sees("1 queued")
        await screen.type("/se")
        await screen.sees("/settings")
        frame = screen.prompt.region
        for widget in screen.prompt.neighbours:
            assert frame.x < widget.region.x
            assert widget.region.right < frame.right
            assert widget.region.x - frame.x == frame.right - widget.region.right == 1
        gate.opened.set()


@pytest.mark.parametrize("mode", ["chat", "instruct"])
@pytest.mark.parametrize("width", [40, 80, 200])
async def test_with_compact_spacing_replies_stand_under_their_messages(
    tmp_path: Path, mode: str, width: int
) -> None:
    look = Look(is_compact=True)
    async with running_app(
        tmp_path, lambda _: "answered " * 60, size=(width, 20), look=look
    ) as screen:
        if mode == "instruct":
            await screen.press("shift+tab")
        await screen.send("Asked")
        await screen.send("Asked again")
        turn = screen.transcript.turns[-1]
        assert turn.reply.content_region.x == turn.request.content_region.x
        if screen.transcript.show_vertical_scrollbar:
            assert screen.transcript.vertical_scrollbar.region.x > turn.reply.content_region.right


@pytest.mark.parametrize("width", [30, 80, 120, 200])
async def test_the_scroll_bar_stands_at_the_edge_of_the_window(tmp_path: Path, width: int) -> None:
    async with running_app(tmp_path, lambda _: "line\n\n" * 40, size=(width, 20)) as screen:
        await screen.send("Hello")
        assert screen.transcript.vertical_scrollbar.region.right == width
        assert not screen.transcript.vertical_scrollbar.region.overlaps(
            screen.transcript.turns[0].reply.region
        )
        await screen.pilot.click(offset=(width - 1, 1))  # above its thumb
        await screen.until(lambda: screen.transcript.scroll_y < screen.transcript.max_scroll_y)


@pytest.mark.parametrize("size", [(40, 15), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("keys", ["f3", "f4", "ctrl+p"])
@pytest.mark.every_day(4)
async def test_dialogs_are_as_high_as_their_rows_and_stay_so_while_one_filters(
    tmp_path: Path, size: tuple[int, int], keys: str
) -> None:
    async with running_app(tmp_path, size=size) as screen:
        await screen.press(keys)
        await screen.until(lambda: isinstance(screen.app.screen, Dialog))
        dialog = screen.app.screen
        assert isinstance(dialog, Dialog)
        await screen.sees("Esc closes")
        await screen.pilot.pause()
        rows = dialog.query_one(".rows")
        assert dialog.frame.region.height <= size[1]
        assert rows.size.height <= max(rows.virtual_size.height, 1)
        before = dialog.frame.region.height
        if keys == "ctrl+p":
            await screen.type("quit")
            await screen.until(lambda: rows.virtual_size.height == 1)
            await screen.pilot.pause()
            assert dialog.frame.region.height == before


async def test_the_list_of_themes_has_the_ground_of_its_dialog(tmp_path: Path) -> None:
    async with running_app(tmp_path) as screen:
        await screen.send("/theme")
        await screen.sees("Enter keeps it")
        surface = Color.parse(screen.app.theme_variables["surface"])
        line = next(line for line in strips_of(screen.app) if "modechat-light" in line.text)
        grounds = {style.bgcolor for text, style, _ in line if style and "modechat-light" in text}
        assert [Color.from_rich_color(ground) for ground in grounds] == [surface]


async def test_hints_name_what_escape_does(tmp_path: Path) -> None:
    gate = Gate()

    async with running_app(tmp_path, lambda _: "word " * 20, pace=gate, size=(100, 24)) as screen:
        await screen.send("First")
        await screen.press("ctrl+up")
        await screen.sees("Esc lets go")
        assert "Esc stops" not in screen.text
        await screen.press("escape")
        await screen.sees("Enter sends")
        gate.n_words = 0
        await screen.type("Second")
        await screen.press("enter")
        await screen.sees("Esc stops")
        await screen.press("ctrl+up")
        await screen.sees("F8 what to do with it")
        assert "Esc stops" in screen.text
        assert "Esc lets go" not in screen.text
        gate.opened.set()
        await screen.settled()
        await screen.sees("Esc lets go")


async def test_after_a_comparison_the_hints_are_those_of_the_prompt(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(100, 24)) as screen:
        await screen.type("Hello")
        await screen.press("f10")
        await screen.sees("Seeds")
        await screen.press("enter")
        await screen.sees("Enter keeps")
        await screen.sees("u keeps and uses")
        await screen.press("escape")
        await screen.sees("Enter sends · Shift+Tab mode")
        assert "Esc stops" not in screen.text


WHOLE = re.compile(r"\d+ tokens?|[\d.]+/s|first [\d.]+ s|prompt [\d,]+")


@pytest.mark.parametrize("width", [66, 74, 80, 90, 100, 108, 113, 120, 160])
@pytest.mark.every_day(3)
async def test_figures_of_a_comparison_are_whole_or_not_there(tmp_path: Path, width: int) -> None:
    async with running_app(
        tmp_path, engine=ScriptedEngine(lambda _: "word " * 17), size=(width, 24)
    ) as screen:
        await screen.type("Hello")
        await screen.press("f10")
        await screen.sees("Seeds")
        await screen.press("down", "enter")
        await screen.sees("u keeps and uses")
        shown = [column for column in screen.app.screen.query(CompareColumn) if column.display]
        last = screen.text.splitlines()[shown[0].region.bottom - 1]
        for column in shown:
            border = last[column.region.x : column.region.right].strip("╰╯─┗┛━ ")
            parts = border.split(" · ")
            assert "17 tokens" in parts
            assert all(WHOLE.fullmatch(part) for part in parts), border


async def test_three_replies_stand_side_by_side_in_a_hundred_columns(tmp_path: Path) -> None:
    async with running_app(tmp_path, size=(100, 24)) as screen:
        await screen.type("Hello")
        await screen.press("f10")
        await screen.sees("Seeds")
        await screen.press("down", "enter")
        await screen.sees("u keeps and uses")
        columns = list(screen.app.screen.query(CompareColumn))
        assert [column.display for column in columns] == [True, True, True]
        assert columns[0].region.x == 0
        assert columns[-1].region.right == 100


async def test_only_the_first_task_says_in_words_that_the_chat_does_not_see_it(
    tmp_path: Path,
) -> None:
    async with running_app(tmp_path, size=(80, 40), look=Look(DARK)) as screen:
        await screen.press("shift+tab")
        await screen.send("One")
        await screen.send("Two")
        await screen.send("Three")
        assert screen.text.count("⊘ the chat does not see this") == 1
        assert screen.text.count("⊘") == 3
        assert column_of(screen, "the chat does not see this") > 0
    async with running_app(tmp_path, size=(80, 40)) as screen:
        await screen.sees("Three")
        assert screen.text.count("⊘ the chat does not see this") == 1
        assert screen.text.index("the chat does not see") < screen.text.index("Two")
