"""The preview of a conversation: its title and some turns, with the searched words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from modechat.domain.counted import counted
from modechat.domain.mode import Mode
from modechat.domain.text import sanitize, sanitize_line
from modechat.errors import StoreError
from modechat.tui.mode_label import GLYPHS
from modechat.tui.screens.conversation_rows import Row, shown_title
from modechat.tui.widgets.line_view import LineView

if TYPE_CHECKING:
    from modechat.domain.listing import TurnExcerpt
    from modechat.session.library import Library


class Preview(LineView):
    """Shows the end of a text."""

    def __init__(self) -> None:
        super().__init__(follows=True)
        self.can_focus = False
        self.add_class("preview")

    async def load(self, library: Library, row: Row, words: Iterable[str]) -> None:
        """Show the end of a conversation, or the place where the searched words were said."""
        turn_id = row.found.turn_id if row.found is not None else None
        try:
            turns = await library.preview(row.summary.id, turn_id)
        except StoreError as error:
            self.show_text(Content(sanitize(error.title)))
        else:
            self.show_text(preview_of(row, turns, words))

    def show_text(self, text: Content) -> None:
        self.show(text.wrap)
        self.call_after_refresh(self.scroll_end, animate=False)


def preview_of(row: Row, turns: Iterable[TurnExcerpt], words: Iterable[str]) -> Content:
    """Return the title, the time and the turns of a conversation, with `words` highlighted."""
    parts = _heading(row)
    for turn in turns:
        parts += _turn_parts(turn)
    shown = sanitize_line(" ".join(part.plain for part in parts))
    if row.found is not None and row.found.excerpt not in shown:
        # The words are further on in a long text.
        parts += [Content(""), Content.styled(f"… {row.found.excerpt} …", "italic")]
    content = Content("\n").join(parts)
    wanted = "|".join(re.escape(word) for word in words if word)
    if not wanted:
        return content
    return content.highlight_regex(re.compile(wanted, re.IGNORECASE), style="reverse")


def _heading(row: Row) -> list[Content]:
    summary = row.summary
    count = counted(summary.turn_count, "turn")
    when = summary.updated_at.astimezone().strftime("%Y-%m-%d %H:%M")
    return [
        Content.styled(shown_title(summary.title), "bold"),
        Content.styled(f"{when} · {count} · /open {summary.id}", "dim"),
    ]


def _turn_parts(turn: TurnExcerpt) -> list[Content]:
    colour = "$text-primary" if turn.mode is Mode.CHAT else "$text-accent"
    said, answered = sanitize(turn.said).strip(), sanitize(turn.answered).strip()
    message = Content.assemble((f"{GLYPHS[turn.mode]} ", colour), (said, colour))
    if not answered:
        return [Content(""), message]
    return [Content(""), message, Content(answered)]
