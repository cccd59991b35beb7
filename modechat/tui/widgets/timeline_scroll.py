"""Scrolls through a timeline that has only a window of its entries mounted (`window.py`).

The window moves when the user scrolls near its edges, and the visible part stays where it is. The
end is followed until the user scrolls up, and again when the user comes near it.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget

from modechat.tui.widgets.mounted_entries import MountedEntries
from modechat.tui.widgets.stable_scroll import StableScroll
from modechat.tui.widgets.timeline_item import TimelineItem
from modechat.tui.widgets.window import Window

_ROWS_FROM_END = 2


class TimelineScroll(StableScroll, can_focus=False):
    @dataclass
    class Following(Message, namespace="transcript"):
        """Tells that the end of the conversation came into view or left it."""

        is_following: bool
        has_news: bool
        """True if something came that the user has not seen."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.entries = MountedEntries(self, self.make_widgets, self._fill)
        self._announced = TimelineScroll.Following(is_following=True, has_news=False)
        self._moves_window = False
        self._wants_end = False

    def compose(self) -> ComposeResult:
        yield self.entries.hint

    def on_mount(self) -> None:
        self.anchor()

    def make_widgets(self, item: TimelineItem) -> None:
        """Give new widgets to an item that is about to be mounted."""
        raise NotImplementedError

    async def bring_in(self, *, earlier: bool) -> bool:
        """Mount the next page of earlier or later entries; return False if there is none."""
        async with self.batch():
            before = self.entries.window
            if earlier:
                window = before.earlier()
            else:
                window = before.later(len(self.entries.items))
            if window == before:
                return False
            await self.entries.move(window)
            return True

    def show_widget(self, widget: Widget) -> None:
        """Scroll until the widget is visible."""
        self.release_anchor()
        # Wait until the widgets that were mounted above it have their places.
        self.call_after_refresh(
            self.scroll_to_widget, widget, animate=False, force=True, immediate=True
        )

    def is_above_end_of_view(self, widget: Widget) -> bool:
        """Return True if the widget begins before the last visible row."""
        return widget.virtual_region.y < self.scroll_y + self.scrollable_content_region.height

    async def page_up(self) -> None:
        self.release_anchor()
        await self._scroll_by(-self.scrollable_content_region.height)

    async def page_down(self) -> None:
        await self._scroll_by(self.scrollable_content_region.height)

    async def _scroll_by(self, rows: int) -> None:
        """Scroll at once, so that keys that come faster than the drawing count, too."""
        self.scroll_to(y=self.scroll_y + rows, animate=False, immediate=True)
        await self._move_if_near_edge()

    def follow(self) -> None:
        """Go to the end and stay there."""
        if self.entries.has_later:
            self._wants_end = True
            self._move_window_soon()
        self.anchor()
        self.scroll_end(animate=False)
        self.announce_following()

    @property
    def is_following(self) -> bool:
        return super().is_following and not self.entries.has_later

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Textual follows again only at the very end, which a growing reply keeps moving away.
        if new_value > old_value and self._is_near_end(new_value):
            self.anchor()
        if self.is_mounted:
            self.announce_following()
            if self._is_near_start_of_window() or self._is_near_end_of_window():
                self._move_window_soon()

    def keeps_place(self, widget: Widget) -> bool:
        return widget is not self.entries.hint

    def announce_following(self, *, has_news: bool = False) -> None:
        """Post a message if the end came into view or left it, or if there is new text below."""
        is_following = self.is_following or self._is_near_end(self.scroll_y)
        news = not is_following and (has_news or self._announced.has_news)
        if (is_following, news) != (self._announced.is_following, self._announced.has_news):
            self._announced = TimelineScroll.Following(is_following, news)
            self.post_message(self._announced)

    def _is_near_end(self, y: float) -> bool:
        return not self.entries.has_later and self.max_scroll_y - y <= _ROWS_FROM_END

    def _is_near_start_of_window(self) -> bool:
        rows = self.scrollable_content_region.height
        return self.entries.has_earlier and self.scroll_y < rows

    def _is_near_end_of_window(self) -> bool:
        rows = self.scrollable_content_region.height
        return self.entries.has_later and self.max_scroll_y - self.scroll_y < rows

    def _move_window_soon(self) -> None:
        if not self._moves_window:
            self._moves_window = True
            self.run_worker(self._move_window(), group="transcript window")

    async def _move_window(self) -> None:
        """Move the window to where it is wanted.

        Only one such worker runs: mounting must not be cancelled halfway.
        """
        try:
            if self._wants_end:
                self._wants_end = False
                async with self.batch():
                    await self.entries.move(Window.at_end(len(self.entries.items)))
                self.anchor()
            else:
                await self._move_if_near_edge()
        finally:
            self._moves_window = False
        if self._wants_end:
            self._move_window_soon()

    async def _move_if_near_edge(self) -> None:
        async with self.lock:
            if self._is_near_start_of_window():
                await self.bring_in(earlier=True)
            elif self._is_near_end_of_window():
                await self.bring_in(earlier=False)

    async def _fill(self) -> None:
        """Mount more entries if the mounted ones do not fill the container."""
        async with self.lock:
            is_low = self.max_scroll_y < self.scrollable_content_region.height
            if self.entries.has_earlier and self.is_attached and is_low:
                await self.bring_in(earlier=True)
