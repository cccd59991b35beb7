"""Replaces the colours of a theme by those of a terminal that has 256 colours.

Rich would use the nearest colour of a cube with steps of 40 and more: all dark backgrounds would
become black, and all light ones white. Here greys are used, too. No text gets a contrast that is
both lower than before and too low to read.
"""

from __future__ import annotations

from functools import lru_cache, partial

from rich._palettes import EIGHT_BIT_PALETTE
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from modechat.tui.contrast import READABLE, contrast

_NUMBERS = range(16, 256)
"""The numbers of the fixed colours; users can change the colours before them."""


class WithPalette(LineFilter):
    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(text, style and _with_palette(style), control)
            for text, style, control in segments
        ]


@lru_cache(4096)
def _with_palette(style: Style) -> Style:
    background = style.bgcolor and style.bgcolor.triplet
    text = style.color and style.color.triplet
    new_background: RichColor | None = None
    new_text: RichColor | None = None
    if background is not None:
        new_background = RichColor.from_ansi(nearest(*background))
    if text is not None and background is not None:
        number = readable_number(Color(*text), Color(*background))
        new_text = RichColor.from_ansi(number)
    elif text is not None:
        new_text = RichColor.from_ansi(nearest(*text))
    if new_background is None and new_text is None:
        return style
    return style + Style.from_color(new_text, new_background)


@lru_cache(4096)
def nearest(red: int, green: int, blue: int) -> int:
    """Return the number of the nearest colour."""
    return min(_NUMBERS, key=partial(_distance, red, green, blue))


def readable_number(text: Color, background: Color) -> int:
    """Return the number of the colour nearest to `text` that is readable on the new background."""
    solid = colour_of(nearest(*background.rgb))
    least = min(contrast(text, background), READABLE)
    number = nearest(*text.rgb)
    if contrast(colour_of(number), solid) >= least:
        return number
    fit = [other for other in _NUMBERS if contrast(colour_of(other), solid) >= least]
    return min(fit, key=partial(_distance, *text.rgb), default=number)


@lru_cache(256)
def colour_of(number: int) -> Color:
    """Return the colour that a terminal shows for a number from 16 on."""
    return Color(*EIGHT_BIT_PALETTE[number])


def _distance(red: int, green: int, blue: int, number: int) -> int:
    """Return the square of the distance between a colour and the colour of `number`."""
    other_red, other_green, other_blue = EIGHT_BIT_PALETTE[number]
    return (other_red - red) ** 2 + (other_green - green) ** 2 + (other_blue - blue) ** 2
