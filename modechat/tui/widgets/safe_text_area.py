"""A text area whose drawn text cannot act on the terminal; the text itself is not changed.

Control characters do not belong in it (`domain.text.is_editable`); one that gets there is drawn as
`sanitize` does. Marks of writing direction, which Arabic and Hebrew need, stay in the text. They
are drawn as something invisible of the same width, because a terminal would reorder the line.
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
