"""A container that scrolls, and keeps what is on the screen in its place when something above it changes."""

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
    BLANK = True  # nothing but its background is painted behind what it holds
    _arranged: DockArrangeResult | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        lines = super().render_lines(crop)
        if not lines:
            return lines
        # Textual paints blank containers past its filters: with colours that the terminal does not have.
        line = lines[0]
        for line_filter in self.get_line_filters():
            line = line.apply_filter(line_filter, self.background_colors[1])
        return [line] * len(lines)

    def _arrange_scrollbars(self, region: Region) -> Iterable[tuple[Widget, Region]]:
        # Textual puts the bar beside the text. In a wide window that is far from the edge, in the middle of nothing.
        for bar, place in super()._arrange_scrollbars(region):
            yield bar, place.translate(Offset(self.styles.padding.right, 0))

    @property
    def is_following(self) -> bool:
        """Whether it stays at its end."""
        return not self._anchor_released

    def keeps_place(self, widget: Widget) -> bool:  # noqa: ARG002
        """Whether the widget may be what keeps its place: not if it comes and goes by itself."""
        return True

    def arrange(self, size: Size, optimal: bool = False) -> DockArrangeResult:
        top = None if self.is_following else self._top_widget()
        arranged = super().arrange(size, optimal)
        if arranged is not self._arranged and top is not None:
            widget, offset = top
            placed = next(
                (placement for placement in arranged.placements if placement.widget is widget), None
            )
            if placed is not None and placed.region.y - offset != self.scroll_y:
                self._put_scroll(placed.region.y - offset, arranged.total_region.bottom)
        self._arranged = arranged
        return arranged

    def _size_updated(
        self,
        size: Size,
        virtual_size: Size,
        container_size: Size,
        layout: bool = True,  # noqa: ARG002
    ) -> bool:
        # Textual would lay out everything once more, though nothing depends on how high the content is.
        return super()._size_updated(size, virtual_size, container_size, layout=False)

    def set_reactive(self, reactive: Reactive[ReactiveType], value: ReactiveType) -> None:
        # The compositor would put what is lower than the window at its bottom, from where scrolling makes it jump.
        is_scroll = reactive in (Widget.scroll_y, Widget.scroll_target_y)
        super().set_reactive(reactive, max(0, value) if is_scroll else value)  # type: ignore[call-overload]

    def _top_widget(self) -> tuple[Widget, int] | None:
        """The first widget that is seen, and how many rows of it are above the edge (less than none: below)."""
        y = round(self.scroll_y)
        for widget in self.children:
            if (
                self.keeps_place(widget)
                and widget.virtual_region.height
                and widget.virtual_region.bottom > y
            ):
                return widget, widget.virtual_region.y - y
        return None

    def _put_scroll(self, y: float, height: int) -> None:
        """Scroll while the layout is made, as Textual does for anchors."""
        y = max(0, min(y, height - self.scrollable_content_region.height))
        self.set_reactive(Widget.scroll_y, y)
        self.set_reactive(Widget.scroll_target_y, y)
        self.vertical_scrollbar.position = y
