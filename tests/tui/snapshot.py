"""The screen as text that reads well in a diff: its lines, and below them a map of its styles with
a legend.
"""

from __future__ import annotations

import difflib
import string
from collections import Counter
from pathlib import Path

from rich.cells import cell_len
from rich.style import Style
from textual._context import visible_screen_stack
from textual.app import App
from textual.strip import Strip

from modechat.errors import ModechatError

FOLDER = Path(__file__).parent / "snapshots"
_LETTERS = "." + string.ascii_letters + string.digits


def strips_of(app: App[ModechatError]) -> list[Strip]:
    """The lines that the app shows now.

    A dialog that is drawn for the first time draws the screen behind it, and keeps that: it must
    know which one it is.
    """
    visible_screen_stack.set(app._background_screens)
    return app.screen._compositor.render_strips()


def snapshot(app: App[ModechatError]) -> str:
    """What the app shows now. The commonest style is `.` in the map, the others are letters, first
    come first.
    """
    lines: list[str] = []
    cells: list[list[str]] = []
    for strip in strips_of(app):
        lines.append(strip.text.rstrip())
        cells.append([_described(style) for text, style, _ in strip for _ in range(cell_len(text))])
    commonest = Counter(name for row in cells for name in row).most_common(1)[0][0]
    letters = {commonest: "."}
    for row in cells:
        for name in row:
            if name not in letters:
                letters[name] = _LETTERS[len(letters)]
    styles = ["".join(letters[name] for name in row).rstrip(".") for row in cells]
    legend = [f"{letter} {name}" for name, letter in letters.items()]
    return "\n".join([*lines, "── styles", *styles, "── legend", *legend, ""])


def path_of(name: str) -> Path:
    return FOLDER / f"{name}.txt"


def difference(expected: str, found: str, name: str) -> str:
    return "\n".join(
        difflib.unified_diff(
            expected.splitlines(),
            found.splitlines(),
            f"{name}, as kept",
            f"{name}, as found",
            lineterm="",
            n=2,
        )
    )


def _described(style: Style | None) -> str:
    if style is None:
        return "none"
    flags = [
        name
        for name in ("bold", "dim", "italic", "underline", "strike", "reverse")
        if getattr(style, name)
    ]
    colours = (
        color.name if color is not None else "default" for color in (style.color, style.bgcolor)
    )
    return " ".join((" on ".join(colours), *flags))
