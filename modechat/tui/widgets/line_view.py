"""Views of many lines that scroll. Only visible lines are drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

L = TypeVar("L")


class DrawnLines(ScrollView, Generic[L]):
    """Lines that are laid out for a width. Subclasses draw one line."""

    def __init__(self, classes: str) -> None:
        super().__init__(classes=classes)
        self._make: Callable[[int], Sequence[L]] = _no_lines
        self._lines: Sequence[L] = ()
        self._width = 0

    @property
    def drawn_width(self) -> int:
        """Cells of a line, the space behind it included."""
        return self.scrollable_content_region.width

    def strip_of(self, line: L, width: int) -> Strip:
        """Draw a line in `width` cells."""
        raise NotImplementedError

    def show(self, make: Callable[[int], Sequence[L]]) -> None:
        """Show the lines that `make` returns for a width in cells."""
        self._make = make
        self._width = self.scrollable_content_region.width
        self._lines = make(self._width) if self._width > 0 else ()
        self.virtual_size = Size(0, len(self._lines))
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        if self.scrollable_content_region.width != self._width:
            self.show(self._make)

    def render_line(self, y: int) -> Strip:
        at = y + int(self.scroll_offset.y)
        width = self.drawn_width
        if at >= len(self._lines) or width <= 0:
            return Strip.blank(max(width, 0), self.rich_style)
        return self.strip_of(self._lines[at], width)


class LineView(DrawnLines[Content], can_focus=True):
    """A view of lines of text."""

    def __init__(self, *, follows: bool = False) -> None:
        """Make an empty view.

        `follows`: it stays at the end when lines are added, unless the user has scrolled up.
        """
        super().__init__("lines")
        self._follows = follows

    @property
    def is_at_end(self) -> bool:
        return self.scroll_offset.y >= self.max_scroll_y

    def show(self, make: Callable[[int], Sequence[Content]]) -> None:
        was_at_end = self.is_at_end
        super().show(make)
        if self._follows and was_at_end:
            self.call_after_refresh(self.scroll_end, animate=False)

    def strip_of(self, line: Content, width: int) -> Strip:
        return Visual.to_strips(self, line, width, 1, self.visual_style, pad=True)[0]


def _no_lines(_width: int) -> tuple[()]:
    return ()
