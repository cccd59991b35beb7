"""Computes how readable text is on a background, and finds a readable colour."""

from __future__ import annotations

import math
from functools import partial

from textual.color import Color

READABLE = 4.5
"""The least contrast of readable text (WCAG 2.2, level AA)."""
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


def luminance(color: Color) -> float:
    """Return the relative luminance, from 0 to 1 (WCAG 2.2)."""
    red, green, blue = (_linear(part / 255) for part in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(wanted: Color, background: Color) -> Color:
    """Return `wanted` if it is readable on `background`; else black or white."""
    if contrast(wanted, background) >= READABLE:
        return wanted
    return max(_BLACK, _WHITE, key=partial(contrast, background))


def _linear(part: float) -> float:
    if part <= 0.04045:
        return part / 12.92
    return math.pow((part + 0.055) / 1.055, 2.4)
