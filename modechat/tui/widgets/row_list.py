"""A list of rows in columns.

Only visible rows are drawn: ten thousand rows take as long as twenty.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

R = TypeVar("R")

_GAP = 2
_LEAST = 8  # cells of a column without a fixed width


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column. Its text must be safe to show (`Content`, never markup)."""

    title: str
    content: Callable[[R], Content]
    width: int = 0
    """Width in cells; 0: the rest of the list's width."""
    at_right: bool = False
    needs: int = 0
    """The column is left out if the list is narrower than this, in cells."""
    until: int = 0
    """The column is left out if the list has at least this many cells; 0: never."""


class RowList(ScrollView, Generic[R], can_focus=True):
    """Rows to choose from by keys or mouse: a click highlights a row, a second one chooses it."""

    COMPONENT_CLASSES = {"row-list--header", "row-list--highlighted", "row-list--hovered"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "choose", show=False),
    ]

    highlighted: reactive[int | None] = reactive(None, repaint=False)
    _hovered: reactive[int | None] = reactive(None, repaint=False)

    class Highlighted(Message):
        """Tells that another row is highlighted, or none."""

    class Chosen(Message):
        """Tells that the user chose the highlighted row."""

    def __init__(self, columns: Sequence[Column[R]], *, has_header: bool = True) -> None:
        super().__init__(classes="rows")
        self._columns = columns
        self._rows: Sequence[R] = ()
        self._n_header = int(has_header)
        self._most_rows = 0

    @property
    def wanted_height(self) -> int:
        """The height that shows all rows.

        It never decreases: a dialog must not shrink while the user filters.
        """
        return self._most_rows + self._n_header

    @property
    def rows(self) -> Sequence[R]:
        return self._rows

    @property
    def row(self) -> R | None:
        """The highlighted row."""
        at = self.highlighted
        if at is None or at >= len(self._rows):
            return None
        return self._rows[at]

    def show(self, rows: Sequence[R], highlighted: int | None = 0) -> None:
        """Replace the rows."""
        self._rows = rows
        self._hovered = None
        before, after = self.highlighted, None
        if rows and highlighted is not None:
            after = min(max(highlighted, 0), len(rows) - 1)
        self.set_reactive(RowList.highlighted, after)
        self.virtual_size = Size(0, len(rows) + self._n_header)
        is_higher = len(rows) > self._most_rows
        self._most_rows = max(len(rows), self._most_rows)
        self.refresh(layout=is_higher)
        if after is None and before is None:
            return
        self.call_after_refresh(self._show_highlighted)
        self.post_message(self.Highlighted())

    def redraw(self) -> None:
        """Draw the same rows again after their contents changed."""
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if width <= 0:
            return Strip.blank(0, self.rich_style)
        if y < self._n_header:
            return self._strip(self._in_columns(None, width), "row-list--header")
        at = y + int(self.scroll_offset.y) - self._n_header
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, self.rich_style)
        line = self._in_columns(self._rows[at], width)
        if at == self.highlighted:
            return self._highlighted_strip(line)
        return self._strip(line, "row-list--hovered" if at == self._hovered else "")

    def _strip(self, line: Content, component: str = "") -> Strip:
        width = self.scrollable_content_region.width
        style = self.visual_style
        if component:
            style = self.get_visual_style(component)
        return Visual.to_strips(self, line, width, 1, style, pad=True)[0]

    def _highlighted_strip(self, line: Content) -> Strip:
        component = "row-list--highlighted"
        width = self.scrollable_content_region.width
        line = Content(line.plain)  # its own colours would not be readable there
        if self.get_component_styles(component).text_style.reverse:  # Textual drops this attribute
            line = line.pad_right(max(width - line.cell_length, 0)).stylize("reverse")
        return self._strip(line, component)

    def _in_columns(self, row: R | None, width: int) -> Content:
        """Return a row in columns; None: the header."""
        shown = self._shown_columns(width)
        n_flexible = 0
        fixed = 0
        for column in shown:
            if column.width:
                fixed += column.width + _GAP
            else:
                n_flexible += 1
        room = max(width - fixed - _GAP * max(n_flexible - 1, 0), _LEAST * n_flexible)
        cells: list[Content] = []
        for column in shown:
            if row is None:
                content = Content(column.title)
            else:
                content = column.content(row)
            size = column.width or room // n_flexible
            cells.append(_fitted(content, size, at_right=column.at_right))
        return Content(" " * _GAP).join(cells)

    def _shown_columns(self, width: int) -> list[Column[R]]:
        """Return the columns that have room."""
        shown: list[Column[R]] = []
        for column in self._columns:
            if column.needs <= width and (not column.until or width < column.until):
                shown.append(column)
        return shown

    # Moving

    def action_move(self, by: int) -> None:
        self._go(0 if self.highlighted is None else self.highlighted + by)

    def action_page(self, by: int) -> None:
        self._go((self.highlighted or 0) + by * max(self.size.height - self._n_header - 1, 1))

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._rows) - 1)

    def action_choose(self) -> None:
        if self.row is not None:
            self.post_message(self.Chosen())

    def _go(self, at: int) -> None:
        if self._rows:
            self.highlighted = min(max(at, 0), len(self._rows) - 1)

    def watch_highlighted(self, before: int | None, after: int | None) -> None:
        self._repaint(before, after)
        self._show_highlighted()
        self.post_message(self.Highlighted())

    def watch__hovered(self, before: int | None, after: int | None) -> None:
        self._repaint(before, after)

    def _repaint(self, *rows: int | None) -> None:
        for row in rows:
            if row is not None:
                self.refresh_line(row + self._n_header)

    def _show_highlighted(self) -> None:
        if self.highlighted is not None:
            line = Region(0, self.highlighted, 1, 1 + self._n_header)
            self.scroll_to_region(line, animate=False, force=True)

    # The mouse

    def _row_at(self, event: events.MouseEvent) -> int | None:
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self._n_header:
            return None
        at = int(offset.y + self.scroll_offset.y) - self._n_header
        return at if at < len(self._rows) else None

    def _on_mouse_move(self, event: events.MouseMove) -> None:
        self._hovered = self._row_at(event)

    def _on_leave(self, event: events.Leave) -> None:  # noqa: ARG002
        self._hovered = None

    def on_click(self, event: events.Click) -> None:
        at = self._row_at(event)
        if at is None:
            return
        event.stop()
        if at == self.highlighted:
            self.action_choose()
        else:
            self.highlighted = at


def _fitted(content: Content, width: int, *, at_right: bool) -> Content:
    """Return `content` in exactly `width` cells."""
    content = content.truncate(width, ellipsis=True)
    missing = width - content.cell_length
    if missing <= 0:
        return content
    if at_right:
        return content.pad_left(missing)
    return content.pad_right(missing)
