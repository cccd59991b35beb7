"""How well text can be read on a ground, and the colour to take where it could not be."""

from __future__ import annotations

from textual.color import Color

READABLE = 4.5
"""The least contrast of text (WCAG 2.2, level AA)."""
_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


def luminance(color: Color) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2)."""
    red, green, blue = (_linear(part / 255) for part in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """From 1 to 21 (WCAG 2.2)."""
    darker, smaller_load = sorted((luminance(one), luminance(other)))
    return (smaller_load + 0.05) / (darker + 0.05)


def readable(wanted: Color, ground: Color) -> Color:
    """`wanted` if it can be read on `ground`; else black or white, of which one always can."""
    if contrast(wanted, ground) >= READABLE:
        return wanted
    return max(_BLACK, _WHITE, key=lambda color: contrast(color, ground))


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
