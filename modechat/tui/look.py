"""How the interface looks: what the first frame must know. It imports nothing, so that anyone can ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap

DARK = "modechat-dark"
LIGHT = "modechat-light"
HIGH_CONTRAST = "modechat-high-contrast"
ANSI = "modechat-ansi"
"""The sixteen colours of the terminal."""
NO_COLOR = "modechat-no-color"
"""Without any, where NO_COLOR is set; nobody chooses it otherwise."""
_COLOURS_OF_TERMS = ("256color", "kitty", "direct")
"""How the names of terminals end that have more than sixteen colours, if they do not say it otherwise."""


@dataclass(frozen=True, slots=True)
class Look:
    theme: str = DARK
    is_compact: bool = False
    has_motion: bool = True
    keymap: Keymap = DEFAULT_KEYMAP


def usual_theme(env: Mapping[str, str]) -> str:
    """The theme where the user has chosen none."""
    has_many = env.get("COLORTERM", "").strip().casefold() in ("truecolor", "24bit")
    return DARK if has_many or env.get("TERM", "").rpartition("-")[2] in _COLOURS_OF_TERMS else ANSI
