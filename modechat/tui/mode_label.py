"""How a mode looks: a glyph, a word and a class for the stylesheet. Never colour alone."""

from __future__ import annotations

from modechat.domain.mode import Mode

GLYPHS = {Mode.CHAT: "❯", Mode.INSTRUCT: "»"}


def mode_class(mode: Mode) -> str:
    return f"-{mode}"
