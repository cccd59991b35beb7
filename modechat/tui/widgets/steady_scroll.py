"""A scrolling container in which what is read stays in its place when something above it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.layout import DockArrangeResult


AT_EDGE = "-at-edge"
"""Class of a widget that belongs to the edge, not to what is read."""


class SteadyScroll(VerticalScroll):
    """Anchored to its end, it follows that; released, it keeps the first widget that is seen where it is."""

    _arranged: DockArrangeResult | None = None

    def arrange(self, size: Size, optimal: bool = False) -> DockArrangeResult:
        """Keep what is on the screen in its place when something above it changes."""
        top = self._top_widget() if self._anchor_released else None
        arranged = super().arrange(size, optimal)
        if arranged is not self._arranged and top is not None:
            widget, offset = top
            placed = next((placement for placement in arranged.placements if placement.widget is widget), None)
            if placed is not None and placed.region.y - offset != self.scroll_y:
                self._put_scroll(placed.region.y - offset, arranged.total_region.bottom)
        self._arranged = arranged
        return arranged

    def _top_widget(self) -> tuple[Widget, int] | None:
        """The first widget that is seen, and how many rows of it are above the edge (less than none: below)."""
        y = round(self.scroll_y)
        for widget in self.children:
            if not widget.has_class(AT_EDGE) and widget.virtual_region.height and widget.virtual_region.bottom > y:
                return widget, widget.virtual_region.y - y
        return None

    def _put_scroll(self, y: float, height: int) -> None:
        """Scroll while the layout is made, as Textual does for anchors."""
        y = max(0, min(y, height - self.scrollable_content_region.height))
        self.set_reactive(Widget.scroll_y, y)
        self.set_reactive(Widget.scroll_target_y, y)
        self.vertical_scrollbar.position = y
