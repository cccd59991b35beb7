"""Terminals with 256 colours, and with sixteen: what is told by shades stays, and everything can be
read.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from modechat.engine.scripted import MODEL
from modechat.tui.look import ANSI, ANSI_LIGHT, DARK, HIGH_CONTRAST, LIGHT, Look
from modechat.tui.palette_colours import WithPalette, colour_of, nearest, readable_number
from modechat.tui.themes import OWN_THEMES
from modechat.tui.widgets.status_line import Status, fit, painted, status_segments
from tests.tui.harness import running_app
from tests.tui.snapshot import strips_of
from tests.tui.test_themes import SIGNALS, TEXT, contrast, solid

EVERY = [theme for theme in (*OWN_THEMES, *BUILTIN_THEMES.values()) if not theme.ansi]
OWN = [theme for theme in OWN_THEMES if not theme.ansi]
GROUNDS = ("background", "surface", "panel")


@pytest.mark.parametrize("theme", OWN, ids=lambda theme: theme.name)
def test_surfaces_differ_in_256_colours(theme: Theme) -> None:
    colours = theme.to_color_system().generate()
    numbers = [nearest(*Color.parse(colours[name]).rgb) for name in (*GROUNDS, "surface-lighten-3")]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("theme", EVERY, ids=lambda theme: theme.name)
def test_text_is_as_readable_in_256_colours_as_in_all_of_them(theme: Theme) -> None:
    colours = theme.to_color_system().generate() | theme.variables
    for name in GROUNDS:
        ground = Color.parse(colours[name])
        shown = colour_of(nearest(*ground.rgb))
        for text in (*TEXT, *SIGNALS):
            wanted = solid(colours[text], ground)
            found = contrast(colour_of(readable_number(wanted, ground)), shown)
            assert found >= min(contrast(wanted, ground), 4.5) - 1e-9, (name, text)


def test_greys_and_colours_of_the_palette_are_themselves() -> None:
    for number in range(16, 256):
        assert colour_of(nearest(*colour_of(number).rgb)) == colour_of(number)


def test_what_is_no_colour_of_a_theme_stays_as_it_is() -> None:
    styles = (None, Style(bold=True), Style(color="red", bgcolor="default"), Style(meta={"key": 1}))
    segments = [Segment("x", style) for style in styles]
    assert WithPalette().apply(segments, Color(0, 0, 0)) == segments
    numbered = WithPalette().apply(
        [Segment("x", Style(color="#dfe3ec", bold=True, meta={"key": 1}))], Color(0, 0, 0)
    )
    assert numbered[0].style is not None
    assert numbered[0].style.color == RichColor.from_ansi(nearest(0xDF, 0xE3, 0xEC))
    assert numbered[0].style.bold
    assert numbered[0].style.meta == {"key": 1}


@pytest.mark.parametrize("theme", [DARK, LIGHT, HIGH_CONTRAST, "nord"])
@pytest.mark.every_day(1)
async def test_every_cell_of_the_screen_has_a_colour_of_the_palette(
    tmp_path: Path, theme: str
) -> None:
    async with running_app(
        tmp_path, lambda _: "Words `code`", look=Look(theme, has_palette=True)
    ) as screen:
        await screen.send("Hello")
        for keys in ((), ("ctrl+p",), ("escape", "f1"), ("escape", "f4"), ("escape", "ctrl+o")):
            await screen.press(*keys)
            await screen.pilot.pause()
            for strip in strips_of(screen.app):
                for text, style, _ in strip:
                    for color in (style.color, style.bgcolor) if style is not None else ():
                        assert color is None or color.triplet is None, (text, style)
        colours = screen.app.theme_variables
        grounds = {nearest(*Color.parse(colours[name]).rgb) for name in ("background", "surface")}
        assert len(grounds) == 2


# Sixteen colours, as terminals have them at first. Windows' are not here: there, all others can be
# had.
SIXTEEN = {
    "xterm": "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5 "
    "7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff",
    "console": "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa "
    "555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff",
}
NAMES = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def of_terminal(name: str, terminal: str, foreground: Color) -> Color:
    """What a terminal shows for `ansi_bright_cyan`."""
    if name == "ansi_default":
        return foreground
    bright = "bright_" in name
    number = NAMES.index(name.removeprefix("ansi_").removeprefix("bright_")) + 8 * bright
    return Color.parse(f"#{SIXTEEN[terminal].split()[number]}")


@pytest.mark.parametrize("terminal", SIXTEEN)
@pytest.mark.parametrize(("name", "ground"), [(ANSI, "#000000"), (ANSI_LIGHT, "#ffffff")])
def test_sixteen_colours_can_be_read_on_their_ground(name: str, ground: str, terminal: str) -> None:
    theme = next(theme for theme in OWN_THEMES if theme.name == name)
    behind = Color.parse(ground)
    text = Color.parse("#e5e5e5" if name == ANSI else "#000000")
    for part in ("primary", "accent", "secondary", "success", "warning", "error", "foreground"):
        wanted = getattr(theme, part)
        assert contrast(of_terminal(wanted, terminal, text), behind) >= 4.5, (part, wanted)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_mode_is_not_dimmed_in_sixteen_colours_and_the_rest_of_the_line_is(width: int) -> None:
    line = painted(fit(status_segments(Status(model=MODEL)), width), is_ansi=True)
    dimmed = [False] * len(line.plain)
    for start, end, style in line.spans:
        if style == "dim":
            dimmed[start:end] = [True] * (end - start)
    n_mode = len("❯ chat")
    assert dimmed == [False] * n_mode + [True] * (len(line.plain) - n_mode)


@pytest.mark.parametrize("name", [ANSI, ANSI_LIGHT])
async def test_the_highlighted_row_can_be_read_on_any_ground(tmp_path: Path, name: str) -> None:
    async with running_app(tmp_path, look=Look(name)) as screen:
        await screen.press("ctrl+p")
        await screen.sees("New conversation")
        strips = strips_of(screen.app)
        row = next(strip for strip in strips if "New conversation" in strip.text)
        style = next(style for text, style, _ in row if "New conversation" in text)
        assert style is not None
        assert (style.reverse, style.color and style.color.name) == (True, "default"), style
