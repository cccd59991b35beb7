"""The glyph and the stylesheet class of each mode. A mode is never shown by colour alone."""

from __future__ import annotations

from modechat.domain.mode import Mode

GLYPHS = {Mode.CHAT: "❯", Mode.INSTRUCT: "»"}


def mode_class(mode: Mode) -> str:
    return f"-{mode}"
