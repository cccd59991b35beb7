"""Draws small plots of characters: bars and sparklines, in Unicode blocks or in ASCII."""

from __future__ import annotations

from collections.abc import Sequence

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_ASCII_HEIGHTS = "_.-=+*#@"


def bar(value: float, full: float, width: int, *, unicode: bool) -> str:
    """Draw a bar for `value`; `full` fills all `width` characters."""
    share = min(max(value / full, 0.0), 1.0) if full > 0 else 0.0
    if not unicode:
        return "#" * round(share * width)
    eighths = round(share * width * 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def sparkline(values: Sequence[float], *, unicode: bool) -> str:
    """Draw one character for each value; the heights count from 0 to the largest value."""
    heights = _HEIGHTS if unicode else _ASCII_HEIGHTS
    most = max(values, default=0.0)
    if most <= 0:
        return heights[0] * len(values)
    return "".join(
        heights[min(int(max(value, 0.0) / most * len(heights)), len(heights) - 1)]
        for value in values
    )
