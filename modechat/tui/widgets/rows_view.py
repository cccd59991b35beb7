"""A widget that draws its visible rows, with text that the mouse can select.

The colours of the rows are component classes of the widget around it (`RowColours`): computing
forty styles for each message would take longer than laying out the message itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from rich.segment import Segment
from rich.style import Style as RichStyle
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from modechat.tui.render.rows import Lines, Row, Style, copied

_PREFIX = "lines--"
_NAMES = (
    *(f"heading-{level}" for level in range(1, 7)),
    "strong",
    "emphasis",
    "strike",
    "link",
    "address",
    "code-inline",
    "bullet",
    "quote-bar",
    "rule",
    "table-head",
    "table-line",
    "code",
    "code-title",
    "code-keyword",
    "code-string",
    "code-comment",
    "code-number",
    "code-function",
    "code-type",
    "code-builtin",
    "code-deleted",
    "code-inserted",
    "mode-chat",
    "mode-instruct",
    "section",
    "warning",
    "error",
    "muted",
    "thinking",
    "thinking-bar",
)
"""Every style name that a `Row` may use."""


ROW_COLOURS = {f"{_PREFIX}{name}" for name in _NAMES}
"""The component classes of a container that has the colours of rows."""


class RowColours(Widget):
    """A mixin of a container with the colours of rows.

    It is never the first base, which is the only base that CSS follows.
    """

    _cached: dict[Style, RichStyle] | None = None

    def colour_of(self, style: Style) -> RichStyle:
        """Return the style for these style names, which is laid over the widget's own."""
        if self._cached is None:
            self._cached = {}
        known = self._cached.get(style)
        if known is None:
            known = self._cached[style] = self._resolved(style)
        return known

    def _resolved(self, style: Style) -> RichStyle:
        resolved, background = RichStyle(), self.background_colors[1]
        for name in style:
            styles = self.get_component_styles(f"{_PREFIX}{name}")
            resolved += styles.partial_rich_style
            if styles.has_rule("background"):
                background += styles.background
            if styles.has_rule("auto_color") and styles.auto_color:
                # A colour such as `auto 60%` depends on the background of the text.
                text = background + background.get_contrast_text(styles.color.a)
                resolved += RichStyle(color=text.rich_color)
        return resolved

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._cached = None
        for view in self.query(RowsView):
            view.forget_drawn()


class RowsView(Widget):
    """Draws `lines`; it is as high as they are."""

    DEFAULT_CSS = "RowsView { height: auto; }"

    @dataclass
    class Clicked(Message):
        """Tells that a row was clicked while no text is selected."""

        view: RowsView
        row: int

    def __init__(self, lines: Lines, classes: str = "") -> None:
        super().__init__(classes=classes)
        self.lines = lines
        self._height = 0
        self._n_settled = 0
        self._drawn_width = 0
        self._painted: dict[int, Strip] = {}
        """Painted lines of the widget.

        Textual's own cache drops all lines when the height changes.
        """

    @property
    def colours(self) -> RowColours:
        return next(node for node in self.ancestors if isinstance(node, RowColours))

    def get_content_width(self, container: Size, viewport: Size) -> int:  # noqa: ARG002
        return container.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        self._lay_out(width)
        return self._height

    def _lay_out(self, width: int) -> None:
        self._height = self.lines.height(width) if width > 0 else 0
        if width != self._drawn_width:
            self._drawn_width = width
            self._painted.clear()

    def _size_updated(
        self,
        size: Size,
        virtual_size: Size,
        container_size: Size,
        layout: bool = True,  # noqa: ARG002
    ) -> bool:
        # Textual would make another layout, for children that do not exist.
        return super()._size_updated(size, virtual_size, container_size, layout=False)

    def lines_changed(self) -> None:
        """Draw the changed rows; lay out the parent only if the number of rows changed."""
        width = self.content_size.width
        if width <= 0:
            self.refresh(layout=True)
            return
        height = self.lines.height(width)
        settled = self.lines.n_settled()
        first, self._n_settled = min(self._n_settled, settled), settled
        changed = Region(0, first, width, max(height, self._height) - first)
        has_other_height = height != self._height
        self._height = height  # set now: it may be read before the next layout
        self.refresh(changed, layout=has_other_height)

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        if y >= self._height:
            return Strip.blank(width, self.rich_style)
        strip = self._strip(self.lines.row(y), width)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            strip = self._with_selection(strip, self.lines.row(y), *span)
        # The offsets come last: each piece gets its position, also one that a selection has cut.
        return strip.apply_offsets(0, y)

    def render_lines(self, crop: Region) -> list[Strip]:
        # Textual asks for no height in a width that it remembers, from before the last one.
        if self.content_size.width != self._drawn_width:
            self._lay_out(self.content_size.width)
        missing = [y for y in crop.line_range if y not in self._painted]
        if missing:
            first, width = missing[0], self.outer_size.width
            lines = super().render_lines(Region(0, first, width, missing[-1] + 1 - first))
            self._painted.update(enumerate(lines, first))
        strips = [self._painted[y] for y in crop.line_range]
        left, right = crop.column_span
        if (left, right) == (0, self.outer_size.width):
            return strips
        return [strip.crop(left, right) for strip in strips]

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Paint these regions of the content again, or all of it if there are none."""
        if repaint and not regions:
            self._painted.clear()
        for region in regions:
            for y in region.translate(self.content_offset).line_range:
                self._painted.pop(y, None)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._painted.clear()

    def _strip(self, row: Row, width: int) -> Strip:
        base, colour_of = self.rich_style, self.colours.colour_of
        segments = [Segment(text, base + colour_of(style)) for text, style in row.pieces]
        return Strip(segments).adjust_cell_length(width, base + colour_of(row.fill))

    def _with_selection(self, strip: Strip, row: Row, start: int, end: int) -> Strip:
        """Paint the selection, from one character to another (-1: to the end of the row)."""
        # A row that was made for a wider window is cut.
        length = min(len(row.text), len(strip.text))
        if not length:
            return strip
        if end < 0:
            end = length
        first = strip.index_to_cell_position(min(start, length))
        last = strip.index_to_cell_position(min(end, length))
        before = strip.crop(0, first)
        selected = strip.crop(first, last)
        after = strip.crop(last, strip.cell_length)
        style = self.screen.get_component_rich_style("screen--selection")
        painted = [Segment(text, (own or RichStyle()) + style) for text, own, _ in selected]
        return Strip.join([before, Strip(painted, selected.cell_length), after])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text in its own lines, without decoration."""
        if not self._height:
            return None
        start, start_y = selection.start or (0, 0)
        end_y, end = self._height - 1, None
        if selection.end is not None and selection.end.y <= end_y:
            end, end_y = selection.end
        rows = [self.lines.row(y) for y in range(max(0, start_y), end_y + 1)]
        return copied(rows, start, end), "\n"

    def forget_drawn(self) -> None:
        """Paint everything again, because the colours have changed."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and event.button == 1 and not self.screen.get_selected_text():
            event.stop()
            self.post_message(self.Clicked(self, offset.y))

    def selection_updated(self, selection: Selection | None) -> None:  # noqa: ARG002
        self.refresh()
