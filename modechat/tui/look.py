"""Describes the look that the first frame needs: theme, colours, keys.

It imports nothing of Textual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap

DARK = "modechat-dark"
LIGHT = "modechat-light"
HIGH_CONTRAST = "modechat-high-contrast"
ANSI = "modechat-ansi"
"""The theme with the terminal's sixteen colours, for a dark background."""
ANSI_LIGHT = "modechat-ansi-light"
"""The theme with the terminal's sixteen colours, for a light background."""
NO_COLOR = "modechat-no-color"
"""The theme without colours, used if NO_COLOR is set. The user cannot choose it."""
_TERMS_WITH_ALL_COLOURS = ("alacritty", "direct", "foot", "ghostty", "kitty", "wezterm")
"""Endings of the TERM names of terminals with all colours."""
_LIGHT_NUMBERS = ("7", *map(str, range(9, 16)))
"""The numbers of the light backgrounds among the sixteen colours."""


@dataclass(frozen=True, slots=True)
class Look:
    theme: str = DARK
    follows_background: bool = False
    """True if the theme depends on the terminal's background, because the user chose none."""
    has_palette: bool = False
    """True if the terminal has 256 colours, and no others."""
    is_compact: bool = False
    has_motion: bool = True
    keymap: Keymap = DEFAULT_KEYMAP


def usual_theme(env: Mapping[str, str], is_light: bool | None = None) -> str:
    """Return the theme for a user who has chosen none.

    `is_light`: the terminal's background is light; None: the terminal did not say.
    """
    if is_light is None:
        is_light = _background_by_env(env)
    if has_all_colours(env) or has_palette(env):
        return LIGHT if is_light else DARK
    return ANSI_LIGHT if is_light else ANSI


def has_palette(env: Mapping[str, str]) -> bool:
    """Return True if the terminal has 256 colours, and no others."""
    return _end_of_term(env) == "256color" and not has_all_colours(env)


def has_all_colours(env: Mapping[str, str]) -> bool:
    """Return True if the terminal has all colours by COLORTERM, which ssh drops, or by its name."""
    named = env.get("COLORTERM", "").strip().casefold() in ("truecolor", "24bit")
    return named or _end_of_term(env) in _TERMS_WITH_ALL_COLOURS


def _end_of_term(env: Mapping[str, str]) -> str:
    return env.get("TERM", "").rpartition("-")[2]


def _background_by_env(env: Mapping[str, str]) -> bool:
    """Return True if COLORFGBG names a light background: `15;0` is white on black."""
    return env.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT_NUMBERS
