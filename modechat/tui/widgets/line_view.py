"""Many lines of text to scroll through. Only those that are seen are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual


class LineView(ScrollView, can_focus=True):
    """`show` takes a function that lays the text out in lines of at most so many cells."""

    def __init__(self, *, follows: bool = False) -> None:
        """`follows`: it stays at the end when lines are added, unless the user has scrolled up."""
        super().__init__(classes="lines")
        self._make: Callable[[int], Sequence[Content]] = _no_lines
        self._lines: Sequence[Content] = ()
        self._follows = follows
        self._width = 0

    @property
    def is_at_end(self) -> bool:
        return self.scroll_offset.y >= self.max_scroll_y

    def show(self, make: Callable[[int], Sequence[Content]]) -> None:
        self._make = make
        at_end = self._follows and self.is_at_end
        self._lay_out()
        if at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        if self.scrollable_content_region.width != self._width:
            self.show(self._make)

    def render_line(self, y: int) -> Strip:
        at = y + int(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        if at >= len(self._lines) or width <= 0:
            return Strip.blank(max(width, 0), self.rich_style)
        return Visual.to_strips(self, self._lines[at], width, 1, self.visual_style, pad=True)[0]

    def _lay_out(self) -> None:
        self._width = self.scrollable_content_region.width
        self._lines = self._make(self._width) if self._width > 0 else ()
        self.virtual_size = Size(0, len(self._lines))
        self.refresh()


def _no_lines(_width: int) -> tuple[()]:
    return ()
