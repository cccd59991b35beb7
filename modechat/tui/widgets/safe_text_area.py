"""A text area for texts that people paste: what it shows cannot act on the terminal, what it holds is their own.

Controls have no place in it (`domain.text.is_editable`); one that gets there is drawn as `sanitize` has it. Marks of
writing direction, which Arabic and Hebrew need, stay in the text; a terminal would reorder the line for them, so that
it is drawn with something invisible of the same width.
"""

from __future__ import annotations

from rich.text import Text
from textual.widgets import TextArea

from modechat.domain.text import DIRECTIONS, sanitize

_DRAWN = dict.fromkeys(map(ord, DIRECTIONS), "\u200b")


class SafeTextArea(TextArea):
    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        drawn = sanitize(line.plain.translate(_DRAWN))
        if drawn != line.plain:
            line.plain = drawn
        return line
