"""The colours of a terminal that has 256 of them, in place of those of a theme.

Rich takes the nearest of a cube with steps of 40 and more: all dark grounds become black there, all light ones white.
Here greys count, too, and no text is less readable than it was, or than text has to be.
"""

from __future__ import annotations

from functools import lru_cache

from rich._palettes import EIGHT_BIT_PALETTE
from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from modechat.tui.contrast import READABLE, contrast

_NUMBERS = range(16, 256)
"""Those before them are what the user made of them."""
_COLOURS = [
    (red, green, blue) for red, green, blue in map(EIGHT_BIT_PALETTE.__getitem__, range(256))
]


class WithPalette(LineFilter):
    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(text, _with_palette(style) if style is not None else None, control)
            for text, style, control in segments
        ]


@lru_cache(4096)
def _with_palette(style: Style) -> Style:
    ground = style.bgcolor.triplet if style.bgcolor is not None else None
    text = style.color.triplet if style.color is not None else None
    if ground is None and text is None:
        return style
    ground_number = nearest(*ground) if ground is not None else None
    text_number = None
    if text is not None and ground is not None:
        text_number = readable_number(Color(*text), Color(*ground))
    elif text is not None:
        text_number = nearest(*text)
    return style + Style.from_color(_numbered(text_number), _numbered(ground_number))


def _numbered(number: int | None) -> RichColor | None:
    return RichColor.from_ansi(number) if number is not None else None


@lru_cache(4096)
def nearest(red: int, green: int, blue: int) -> int:
    """The number of the colour that is nearest to this one."""
    return min(_NUMBERS, key=lambda number: _distance(number, red, green, blue))


def readable_number(text: Color, ground: Color) -> int:
    """The number of the colour that is nearest to `text`, of those that can be read on what `ground` becomes."""
    solid = colour_of(nearest(*ground.rgb))
    least = min(contrast(text, ground), READABLE)
    number = nearest(*text.rgb)
    if contrast(colour_of(number), solid) >= least:
        return number
    fit = [other for other in _NUMBERS if contrast(colour_of(other), solid) >= least]
    return min(fit, key=lambda other: _distance(other, *text.rgb), default=number)


@lru_cache(256)
def colour_of(number: int) -> Color:
    """What a terminal shows for the number, from 16 on."""
    red, green, blue = _COLOURS[number]
    return Color(red, green, blue)


def _distance(number: int, red: int, green: int, blue: int) -> int:
    other_red, other_green, other_blue = _COLOURS[number]
    return (other_red - red) ** 2 + (other_green - green) ** 2 + (other_blue - blue) ** 2
