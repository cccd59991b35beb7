"""Owns the entries of the timeline, and the window of them that is mounted.

Every change holds the lock of the container, so that it finds both as the last change left them. A
caller that decides on a change by reading them takes the lock before it reads (`container.batch()`;
the task that holds the lock may acquire it again).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.conversation import ContextCut, Turn
from modechat.tui.widgets.notices import CutNotice
from modechat.tui.widgets.timeline_item import Entry, TimelineItem
from modechat.tui.widgets.window import Window


class MountedEntries:
    def __init__(
        self,
        container: Widget,
        make_widgets: Callable[[TimelineItem], None],
        after_mounting: Callable[[], Awaitable[None]],
    ) -> None:
        """Mount entries in `container`.

        `make_widgets` gives an item new widgets. `after_mounting` is called when they have their
        places.
        """
        self._container = container
        self._make_widgets = make_widgets
        self._after_mounting = after_mounting
        self._items: list[TimelineItem] = []
        self._window = Window()
        self._cut: ContextCut | None = None
        self._n_left_out = 0
        self.hint = Static(classes="earlier")
        """The first child of the container. It says how many entries are above the window."""
        self.hint.display = False
        self._n_above = 0

    @property
    def items(self) -> Sequence[TimelineItem]:
        return self._items

    @property
    def window(self) -> Window:
        return self._window

    @property
    def has_earlier(self) -> bool:
        return self._window.start > 0

    @property
    def has_later(self) -> bool:
        return self._window.end < len(self._items)

    def mounted(self) -> Iterator[TimelineItem]:
        inside = self._items[self._window.start : self._window.end]
        return (item for item in inside if item.widgets)

    def index(self, turn_id: int) -> int | None:
        """Return the index of a turn; None if it is not here."""
        for index in range(len(self._items) - 1, -1, -1):
            if self._items[index].is_turn(turn_id):
                return index
        return None

    @property
    def index_of_last_turn(self) -> int | None:
        for index in range(len(self._items) - 1, -1, -1):
            if isinstance(self._items[index].entry, Turn):
                return index
        return None

    def find(self, turn_id: int) -> TimelineItem | None:
        index = self.index(turn_id)
        return None if index is None else self._items[index]

    async def replace_from(self, start: int, entries: Iterable[Entry]) -> None:
        """Replace the entries from `start` on by `entries`, which are not mounted yet."""
        async with self._container.batch():
            await self._unmount(self._items[start:])
            self._items[start:] = [TimelineItem(entry) for entry in entries]
            self._window = self._window.within(start)

    async def append(self, entry: Entry) -> None:
        """Add an entry at the end, and mount it if the window is there."""
        async with self._container.batch():
            was_at_end = not self.has_later
            self._items.append(TimelineItem(entry))
            if was_at_end:
                await self.move(self._window.to_end(len(self._items)))

    async def move(self, window: Window) -> None:
        """Mount the entries in `window`, and unmount the others."""
        async with self._container.batch():
            before = self._window
            self._window = window = window.within(len(self._items))
            outside = [at for at in range(before.start, before.end) if at not in window]
            await self._unmount(self._items[at] for at in outside)
            kept = [at for at in range(window.start, window.end) if self._items[at].widgets]
            if kept:
                first = self._items[kept[0]].widgets[0]
                await self._mount(self._items[window.start : kept[0]], before=first)
                await self._mount(self._items[kept[-1] + 1 : window.end])
            else:
                await self._mount(self._items[window.start : window.end])
            self._show_hint()
        self._container.call_after_refresh(self._after_mounting)

    async def show_cut(self, cut: ContextCut | None, n_left_out: int) -> None:
        """Draw the line where the chat's context begins; `n_left_out` messages are above it."""
        async with self._container.batch():
            if (cut, n_left_out) == (self._cut, self._n_left_out):
                return
            self._cut, self._n_left_out = cut, n_left_out
            for item in self.mounted():
                if item.cut_notice is not None:
                    await item.cut_notice.remove()
                    item.cut_notice = None
                self._add_cut_notice(item)
                if item.cut_notice is not None:
                    await self._container.mount(item.cut_notice, after=item.widgets[-1])

    async def _mount(self, items: Sequence[TimelineItem], before: Widget | None = None) -> None:
        widgets: list[Widget] = []
        for item in items:
            self._make_widgets(item)
            self._add_cut_notice(item)
            widgets += item.all_widgets
        if widgets:
            await self._container.mount(*widgets, before=before)

    async def _unmount(self, items: Iterable[TimelineItem]) -> None:
        widgets: list[Widget] = []
        for item in items:
            widgets += item.drop_widgets()
        await self._container.remove_children(widgets)

    def _add_cut_notice(self, item: TimelineItem) -> None:
        """Give the item a notice, not mounted yet, if the context begins after it."""
        if self._cut is not None and item.is_turn(self._cut.left_turn_id):
            item.cut_notice = CutNotice(self._n_left_out, self._cut.summary)

    def _show_hint(self) -> None:
        if self._n_above != self._window.start:
            self._n_above = self._window.start
            self.hint.display = self._n_above > 0
            self.hint.update(Content(f"↑ {self._n_above} earlier"))
