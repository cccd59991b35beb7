"""Removes every colour from what is painted, also greys; bold, dim and reverse stay."""

from __future__ import annotations

from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter


class WithoutColor(LineFilter):
    """A filter that removes colours.

    Textual's own filters do not: one still asks for the default colours, the other makes greys.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002
        return [
            Segment(text, style and _without_color(style), control)
            for text, style, control in segments
        ]


@lru_cache(4096)
def _without_color(style: Style) -> Style:
    plain = style.without_color
    if style.meta:
        plain += Style(meta=style.meta)
    return plain
