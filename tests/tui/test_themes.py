"""The look: contrast of the themes, choosing one, terminals without colours, small and large
windows.
"""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest
from textual.color import Color
from textual.selection import SELECT_ALL
from textual.theme import BUILTIN_THEMES, Theme
from textual.widgets import TextArea

from modechat.tui.look import ANSI, ANSI_LIGHT, DARK, HIGH_CONTRAST, LIGHT, NO_COLOR, Look
from modechat.tui.themes import OWN_THEMES, THEME_NAMES, with_readable_selections
from tests.e2e.home import Home, type_and_enter, wait_for_start
from tests.tui.harness import running_app
from tests.tui.snapshot import strips_of

TEXT = (
    "foreground",
    "text",
    "text-muted",
    *(f"text-{name}" for name in ("primary", "accent", "secondary")),
)
SIGNALS = ("text-success", "text-warning", "text-error")
SURFACES = ("background", "surface", "panel", "surface-lighten-1", "surface-lighten-3")
COLOURED = [theme for theme in OWN_THEMES if not theme.ansi]


def luminance(color: Color) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [part / 255 for part in color.rgb]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21 (WCAG 2.2)."""
    darker, smaller_load = sorted((luminance(one), luminance(other)))
    return (smaller_load + 0.05) / (darker + 0.05)


def solid(value: str, ground: Color) -> Color:
    """A colour of a theme as it is painted on `ground`."""
    if value.startswith("auto"):
        return ground + ground.get_contrast_text(
            float(value.removeprefix("auto").strip(" %") or 100) / 100
        )
    return ground + Color.parse(value)


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_text_stands_out_from_every_surface(theme: Theme) -> None:
    colours = theme.to_color_system().generate()
    wanted = 7.0 if theme.name == HIGH_CONTRAST else 4.5
    too_low = {}
    for surface in SURFACES:
        ground = Color.parse(colours[surface])
        for name in (*TEXT, *SIGNALS):
            found = contrast(solid(colours[name], ground), ground)
            if found < wanted:
                too_low[name, surface] = round(found, 2)
    assert too_low == {}


EVERY_COLOURED = [theme for theme in (*OWN_THEMES, *BUILTIN_THEMES.values()) if not theme.ansi]


@pytest.mark.parametrize("theme", EVERY_COLOURED, ids=lambda theme: theme.name)
def test_what_is_selected_can_be_read_in_every_theme(theme: Theme) -> None:
    colours = with_readable_selections(theme.to_color_system().generate() | theme.variables)
    for name in ("input-selection", "screen-selection", "block-cursor"):
        ground, text = (
            Color.parse(colours[f"{name}-{part}"]) for part in ("background", "foreground")
        )
        assert ground.a == text.a == 1, name
        assert contrast(text, ground) >= 4.5, name


@pytest.mark.parametrize("theme", EVERY_COLOURED, ids=lambda theme: theme.name)
def test_the_selection_can_be_told_from_what_is_around_it(theme: Theme) -> None:
    colours = with_readable_selections(theme.to_color_system().generate() | theme.variables)
    for name in ("input-selection", "screen-selection"):
        for ground in ("background", "surface"):
            assert (
                contrast(Color.parse(colours[f"{name}-background"]), Color.parse(colours[ground]))
                > 1.05
            ), name


@pytest.mark.parametrize("theme", COLOURED, ids=lambda theme: theme.name)
def test_the_cursor_and_frames_can_be_seen(theme: Theme) -> None:
    colours = theme.to_color_system().generate()
    ground = Color.parse(colours["input-cursor-background"])
    assert contrast(Color.parse(colours["input-cursor-foreground"]), ground) >= 4.5
    ground = Color.parse(colours["background"])
    for name in ("primary", "accent", "error", "warning", "success"):
        assert contrast(Color.parse(colours[name]), ground) >= 3, name


@pytest.mark.parametrize(
    "theme", [DARK, LIGHT, HIGH_CONTRAST, "nord", "textual-dark", "textual-light", "dracula"]
)
async def test_text_of_messages_that_is_selected_can_be_read_also_while_one_is_written(
    tmp_path: Path, theme: str
) -> None:
    gate = asyncio.Event()
    n_words = 0

    async def pace() -> None:
        nonlocal n_words
        n_words += 1
        if n_words > 60:
            await gate.wait()

    reply = (
        "Some *words*, a `name` and\n\n```python\n# why\nreturn 'text'\n```\n\n"
        + "more words " * 40
    )

    async with running_app(tmp_path, lambda _: reply, pace=pace, look=Look(theme)) as screen:
        await screen.type("Tell me about it")
        await screen.press("enter")
        await screen.sees("more words more")
        for is_written in (True, False):
            screen.app.screen.selections = {
                widget: SELECT_ALL for turn in screen.transcript.turns for widget in turn.widgets
            }
            await screen.pilot.pause()
            ground = Color.parse(screen.app.theme_variables["screen-selection-background"])
            seen = set()
            for strip in strips_of(screen.app):
                for text, style, _ in strip:
                    if style is not None and style.bgcolor is not None and text.strip():
                        painted = Color.from_rich_color(style.bgcolor)
                        if painted == ground:
                            assert contrast(Color.from_rich_color(style.color), painted) >= 4.5, (
                                text
                            )
                            seen.update(text.split())
            assert {"Tell", "name", "return", "why", "python"} <= seen
            if is_written:
                gate.set()
                await screen.settled()


async def test_chat_and_instruct_differ_in_more_than_colour(tmp_path: Path) -> None:
    async with running_app(tmp_path, look=Look(NO_COLOR)) as screen:
        await screen.sees("─ ❯ chat ─")
        await screen.press("shift+tab")
        await screen.sees("─ » instruct ─")


@pytest.mark.parametrize(
    "theme",
    [DARK, LIGHT, HIGH_CONTRAST, ANSI, ANSI_LIGHT, NO_COLOR, "nord", "textual-light", "ansi-light"],
)
@pytest.mark.every_day(3)
async def test_every_screen_can_be_painted_in_every_kind_of_theme(
    tmp_path: Path, theme: str
) -> None:
    async with running_app(tmp_path, look=Look(theme)) as screen:
        await screen.send("Hello")
        for key, text in (
            ("f1", "Help"),
            ("f2", "Prompt of"),
            ("ctrl+p", "Commands"),
            ("ctrl+o", "Conversations"),
        ):
            await screen.press(key)
            await screen.sees(text)
            await screen.press("escape")


async def test_a_theme_is_tried_in_the_list_and_kept_with_enter(tmp_path: Path) -> None:
    kept: list[str] = []

    async with running_app(tmp_path, remember_theme=kept.append) as screen:
        await screen.press("ctrl+p")
        await screen.type("theme")
        await screen.sees("Change the colours")
        await screen.press("enter")
        await screen.sees("Enter keeps it")
        await screen.press("down")
        await screen.until(lambda: screen.app.theme == LIGHT)
        await screen.press("escape")
        await screen.until(lambda: screen.app.theme == DARK)
        assert kept == []
        await screen.press("ctrl+p")
        await screen.type("theme")
        await screen.sees("Change the colours")
        await screen.press("enter")
        await screen.sees("Enter keeps it")
        await screen.press("end", "enter")
        await screen.until(lambda: kept == [THEME_NAMES[-1]])
        assert screen.app.theme == THEME_NAMES[-1]


def test_a_theme_chosen_in_a_real_terminal_is_there_at_the_next_start(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with home.start("--demo", columns=100) as terminal:
        terminal.wait_for("Enter sends")
        terminal.type("\x10theme")
        terminal.wait_for("Change the colours")
        terminal.press("enter")
        terminal.wait_for("Enter keeps it")
        terminal.type("\x1b[B\r")
        terminal.wait_for(lambda: (home.folder / "state" / "modechat" / "theme.json").exists())
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    with home.start("--demo", columns=100) as terminal:
        terminal.wait_for("Enter sends")
        assert b"48;2;252;251;248" in terminal.raw  # the paper of the light theme
        assert b"48;2;21;23;29" not in terminal.raw


COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")


def codes(raw: bytes) -> set[int]:
    """The codes of all SGR sequences."""
    return {
        int(code or 0)
        for sequence in COLOUR.findall(raw)
        for code in re.split(rb"[;:]", sequence[2:-1])
    }


def test_without_colours_not_one_is_sent(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.configure('[interface]\ntheme = "nord"\n')
    with home.start("--demo", NO_COLOR="1") as terminal:
        wait_for_start(terminal)
        type_and_enter(terminal, "What is Alpaca?")
        terminal.wait_for("Each task stands for itself")
        terminal.wait_for("Enter sends")
        terminal.type("mark me\x1b[18~")  # F7 selects all
        terminal.type("\x10")
        terminal.wait_for("Type to find")
        terminal.type("\x1b")
        terminal.wait_for("Enter sends")
        terminal.press("ctrl+q")
        assert terminal.wait_for_end() == 0
    sent = codes(terminal.raw)
    assert sent - {0, 1, 2, 3, 4, 7, 9, 22, 23, 24, 27, 29} == set()
    assert {1, 7} <= sent


def test_no_color_that_is_empty_counts_as_not_set(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with home.start("--demo", NO_COLOR="") as terminal:
        terminal.wait_for("Enter sends")
        assert b"38;2;" in terminal.raw


@pytest.mark.parametrize("is_compact", [False, True])
@pytest.mark.parametrize("size", [(40, 15), (60, 20), (80, 24), (120, 40), (200, 60), (300, 100)])
@pytest.mark.every_day(4)
async def test_everything_fits_from_small_windows_to_large_ones(
    tmp_path: Path, size: tuple[int, int], is_compact: bool
) -> None:
    async with running_app(
        tmp_path, lambda _: "word " * 100, size=size, look=Look(is_compact=is_compact)
    ) as screen:
        await screen.send("Hello")
        await screen.sees("Enter sends")
        lines = screen.text.splitlines()
        assert max(len(line.strip()) for line in lines) <= 114
        assert any("❯ chat" in line for line in lines[-3:])
        left = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
        right = min(len(line) - len(line.rstrip()) for line in lines if line.strip())
        assert abs(left - right) <= 2
        await screen.press("f1")
        await screen.sees("Help")
        await screen.sees("Esc closes")


async def test_compact_spacing_shows_more(tmp_path: Path) -> None:
    async def height(folder: Path, look: Look) -> int:
        async with running_app(folder, look=look, size=(80, 16)) as screen:
            for text in ("one", "two", "three"):
                await screen.send(text)
            return screen.transcript.virtual_size.height

    standard = await height(tmp_path / "a", Look())
    compact = await height(tmp_path / "b", Look(is_compact=True))
    assert compact < standard


async def test_nothing_blinks_and_with_reduced_motion_nothing_glides(tmp_path: Path) -> None:
    async with running_app(tmp_path, look=Look(has_motion=False)) as screen:
        assert screen.app.animation_level == "none"
        assert not screen.app.screen.query_one(TextArea).cursor_blink


async def test_a_theme_is_written_in_a_thread(tmp_path: Path) -> None:
    """A slow disk does not hold up the screen."""
    threads: list[threading.Thread] = []

    def remember(_name: str) -> None:
        threads.append(threading.current_thread())

    async with running_app(tmp_path, remember_theme=remember) as screen:
        screen.app.keep_theme(LIGHT)
        await screen.until(lambda: bool(threads))
    assert threads[0] is not threading.main_thread()
