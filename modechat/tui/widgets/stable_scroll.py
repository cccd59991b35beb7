"""A scrolling container that keeps the visible part in place when something above it changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.geometry import Offset, Region, Size
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.layout import DockArrangeResult
    from textual.reactive import Reactive, ReactiveType


class StableScroll(VerticalScroll):
    BLANK = True  # only the background is painted behind the children
    _arranged: DockArrangeResult | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        lines = super().render_lines(crop)
        if not lines:
            return lines
        # Textual paints blank containers without its filters, so with colours that the terminal
        # lacks.
        line = lines[0]
        for line_filter in self.get_line_filters():
            line = line.apply_filter(line_filter, self.background_colors[1])
        return [line] * len(lines)

    def _arrange_scrollbars(self, region: Region) -> Iterable[tuple[Widget, Region]]:
        # Textual puts the bar beside the text, which is far from the edge in a wide window.
        for bar, place in super()._arrange_scrollbars(region):
            yield bar, place.translate(Offset(self.styles.padding.right, 0))

    @property
    def is_following(self) -> bool:
        """True while the view stays at the end."""
        return not self._anchor_released

    def keeps_place(self, widget: Widget) -> bool:  # noqa: ARG002
        """Return True if the widget may keep its place, False if it comes and goes by itself."""
        return True

    def arrange(self, size: Size, optimal: bool = False) -> DockArrangeResult:
        top = None if self.is_following else self._top_widget()
        arranged = super().arrange(size, optimal)
        if arranged is not self._arranged and top is not None:
            self._keep_in_place(*top, arranged)
        self._arranged = arranged
        return arranged

    def _keep_in_place(self, widget: Widget, offset: int, arranged: DockArrangeResult) -> None:
        """Scroll until the widget's top is again in the row `offset` of the view."""
        for placement in arranged.placements:
            if placement.widget is widget:
                y = placement.region.y - offset
                if y != self.scroll_y:
                    self._put_scroll(y, arranged.total_region.bottom)
                return

    def _size_updated(
        self,
        size: Size,
        virtual_size: Size,
        container_size: Size,
        layout: bool = True,  # noqa: ARG002
    ) -> bool:
        # Textual would make another layout, but nothing depends on the height of the content.
        return super()._size_updated(size, virtual_size, container_size, layout=False)

    def set_reactive(self, reactive: Reactive[ReactiveType], value: ReactiveType) -> None:
        # The compositor would put content that is shorter than the window at its bottom, and
        # scrolling would make it jump.
        if reactive in (Widget.scroll_y, Widget.scroll_target_y):
            value = max(0, value)  # type: ignore[call-overload]
        super().set_reactive(reactive, value)

    def _top_widget(self) -> tuple[Widget, int] | None:
        """Return the first visible widget, and the row of its top in the view.

        The row is negative if the top is above the edge.
        """
        y = round(self.scroll_y)
        for widget in self.children:
            region = widget.virtual_region
            if region.height and region.bottom > y and self.keeps_place(widget):
                return widget, region.y - y
        return None

    def _put_scroll(self, y: float, height: int) -> None:
        """Scroll during the layout, as Textual does for anchors."""
        y = max(0, min(y, height - self.scrollable_content_region.height))
        self.set_reactive(Widget.scroll_y, y)
        self.set_reactive(Widget.scroll_target_y, y)
        self.vertical_scrollbar.position = y
