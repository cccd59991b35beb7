"""modechat's own themes, beside all of Textual's.

`primary` is chat, `accent` is instruct: blue and orange, which people with any colour vision can
tell apart; a glyph and a word stand beside the colour. Text has a contrast of at least 4.5 to 1 on
every surface, and 7 to 1 in high contrast; tests compute it. Selected text is readable in every
theme, also in those of Textual.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from modechat.tui.contrast import contrast, readable
from modechat.tui.look import ANSI, ANSI_LIGHT, DARK, HIGH_CONTRAST, LIGHT, NO_COLOR

_DARK = Theme(
    DARK,
    primary="#82aaff",
    accent="#f5a97f",
    secondary="#b7a6f5",
    success="#8bd5a0",
    warning="#e8cf86",
    error="#f38ba0",
    foreground="#dfe3ec",
    background="#15171d",
    surface="#1d2029",
    panel="#262a35",
    dark=True,
    luminosity_spread=0.11,
    variables={
        "text-muted": "#abb2c2",
        "text-disabled": "#737b8c",
        "border-blurred": "#3a4050",
        "input-cursor-background": "#dfe3ec",
        "input-cursor-foreground": "#15171d",
        "input-selection-background": "#3b4f7d",
        "screen-selection-background": "#3b4f7d",
        "scrollbar": "#3a4050",
        "scrollbar-hover": "#566079",
        "scrollbar-active": "#82aaff",
    },
)
_LIGHT = Theme(
    LIGHT,
    primary="#2458b8",
    accent="#a4430a",
    secondary="#6746b8",
    success="#1c6b3c",
    warning="#7a5600",
    error="#b0203a",
    foreground="#22262f",
    background="#fcfbf8",
    surface="#f3f1ec",
    panel="#e9e6df",
    dark=False,
    luminosity_spread=-0.08,  # text that stands out must be darker
    variables={
        "text-muted": "#52575f",
        "text-disabled": "#858993",
        "border-blurred": "#c9c4b8",
        "input-cursor-background": "#22262f",
        "input-cursor-foreground": "#fcfbf8",
        "input-selection-background": "#bcd0f7",
        "screen-selection-background": "#bcd0f7",
        "scrollbar": "#c9c4b8",
        "scrollbar-hover": "#a59f90",
        "scrollbar-active": "#2458b8",
    },
)
_HIGH_CONTRAST = Theme(
    HIGH_CONTRAST,
    primary="#9cd2ff",
    accent="#ffc266",
    secondary="#dcc8ff",
    success="#86f7a5",
    warning="#ffec80",
    error="#ffb0b0",
    foreground="#ffffff",
    background="#000000",
    surface="#0c0c0c",
    panel="#191919",
    dark=True,
    luminosity_spread=0.1,
    variables={
        "text": "#ffffff",
        "text-muted": "#d6d6d6",
        "text-disabled": "#b4b4b4",
        "foreground-muted": "#d6d6d6",
        "border-blurred": "#b4b4b4",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#ffffff",
        "input-cursor-background": "#ffffff",
        "input-cursor-foreground": "#000000",
        "input-selection-background": "#ffffff",
        "input-selection-foreground": "#000000",
        "screen-selection-background": "#ffffff",
        "screen-selection-foreground": "#000000",
        "scrollbar": "#b4b4b4",
        "scrollbar-hover": "#ffffff",
        "scrollbar-active": "#ffffff",
    },
)
_PLAIN = {
    "ansi-background": "ansi_default",
    "ansi-foreground": "ansi_default",
    "border-blurred": "ansi_default",
    "border": "ansi_default",
    "block-cursor-foreground": "ansi_default",
    "block-cursor-background": "ansi_default",
    "block-cursor-text-style": "reverse",
    "block-cursor-blurred-text-style": "bold",
    "input-selection-background": "ansi_default",
    "input-selection-foreground": "ansi_default",
    "screen-selection-background": "ansi_default",
    "screen-selection-foreground": "ansi_default",
    "scrollbar": "ansi_default",
    "scrollbar-hover": "ansi_default",
    "scrollbar-active": "ansi_default",
    "scrollbar-background": "ansi_default",
    "scrollbar-background-hover": "ansi_default",
    "scrollbar-background-active": "ansi_default",
    "link-background-hover": "ansi_default",
    "link-color": "ansi_default",
    "link-color-hover": "ansi_default",
    "footer-key-foreground": "ansi_default",
    **{f"markdown-h{level}-color": "ansi_default" for level in range(1, 7)},
}
"""Variables with only the terminal's two default colours: selected text is shown in reverse."""


def _ansi(name: str, colours: dict[str, str], variables: dict[str, str]) -> Theme:
    # Foreground, background and greys are the terminal's own, so that light and dark terminals are
    # readable.
    names = ("foreground", "background", "surface", "panel", "boost")
    default = dict.fromkeys(names, "ansi_default")
    return Theme(name, ansi=True, variables=variables, **default, **colours)  # type: ignore[arg-type]


OWN_THEMES = (
    _DARK,
    _LIGHT,
    _HIGH_CONTRAST,
    _ansi(
        ANSI,
        {
            "primary": "ansi_bright_cyan",
            "accent": "ansi_bright_magenta",
            "secondary": "ansi_cyan",
            "success": "ansi_bright_green",
            "warning": "ansi_bright_yellow",
            "error": "ansi_bright_red",
        },
        {**_PLAIN, "link-color": "ansi_bright_cyan"},
    ),
    _ansi(
        ANSI_LIGHT,
        {
            "primary": "ansi_blue",
            "accent": "ansi_magenta",
            "secondary": "ansi_blue",
            "success": "ansi_default",
            "warning": "ansi_red",
            "error": "ansi_red",
        },
        {**_PLAIN, "link-color": "ansi_blue"},
    ),
    _ansi(
        NO_COLOR,
        dict.fromkeys(
            ("primary", "accent", "secondary", "success", "warning", "error"), "ansi_default"
        ),
        _PLAIN,
    ),
)
THEME_NAMES = (
    *(theme.name for theme in OWN_THEMES if theme.name != NO_COLOR),
    *sorted(BUILTIN_THEMES),
)
"""The themes that the user can choose, in the order of the list."""


_SELECTIONS = ("screen-selection", "input-selection", "block-cursor")
_LEAST_DIFFERENCE = 1.1
"""The least contrast between a selected and an unselected background."""


def with_readable_selections(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a theme, with solid and readable colours for selected text.

    Many themes name a half-transparent background, and no colour for the text. The text then keeps
    its own colour, which may be nearly that of the background.
    """
    solid = dict(variables)
    if solid["background"].startswith("ansi_"):
        return solid  # the terminal's colours are not known
    for name in _SELECTIONS:
        surface = Color.parse(solid["surface"])
        background = surface + _colour(solid[f"{name}-background"])
        if contrast(background, surface) < _LEAST_DIFFERENCE:
            background = surface + Color.parse(solid["primary"]).with_alpha(0.5)
        wanted = solid[f"{name}-foreground"]
        if wanted == "transparent":
            wanted = solid["foreground"]
        solid[f"{name}-background"] = background.hex
        solid[f"{name}-foreground"] = readable(background + _colour(wanted), background).hex
    return solid


def _colour(value: str) -> Color:
    """Read a colour as CSS writes it: a name or a number, and perhaps an opacity in percent."""
    name, _, share = value.partition(" ")
    if name == "auto":
        return Color(0, 0, 0, 0).automatic(int(share.rstrip("% ") or 100))
    colour = Color.parse(name)
    if share:
        colour = colour.multiply_alpha(float(share.rstrip("% ")) / 100)
    return colour
