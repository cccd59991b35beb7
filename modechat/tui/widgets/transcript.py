"""The transcript: the timeline of both modes, newest at the bottom.

Only a window of it is mounted (`window.py`); it moves when the user scrolls near its edges, and what is on the screen
stays where it is. The transcript follows the end while a reply streams, lets go when the user scrolls up, and follows
again near the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.context import n_left_out
from modechat.domain.conversation import ContextCut, Conversation, ModeChange, Turn
from modechat.tui.bindings import keymap_of
from modechat.tui.widgets.message_selection import MessageSelection
from modechat.tui.widgets.notices import CutNotice, Welcome
from modechat.tui.widgets.rows_view import ROW_COLOURS, RowColours, RowsView
from modechat.tui.widgets.steady_scroll import SteadyScroll
from modechat.tui.widgets.timeline_item import Entry, TimelineItem, is_first_unseen
from modechat.tui.widgets.turn import TurnView
from modechat.tui.widgets.window import PAGE, Window

_ROWS_FROM_END = 2


class Transcript(SteadyScroll, RowColours, can_focus=False):
    COMPONENT_CLASSES = ROW_COLOURS

    @dataclass
    class Following(Message):
        """The end of the conversation came into view or left it."""

        is_following: bool
        has_news: bool
        """Whether something came that the user has not seen."""

    class MessageSelected(Message):
        """Another message is selected, or none."""

    @dataclass
    class CodeClicked(Message):
        """The title of a code block was clicked."""

        turn: TurnView
        number: int
        """Of the code block in its reply, from 1."""

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self.selection = MessageSelection(self)
        self._items: list[TimelineItem] = []
        self._window = Window()
        self._cut: ContextCut | None = None
        self._n_left_out = 0
        self._cut_notice: CutNotice | None = None
        self._without_history: Collection[str] = ()
        self._unfold_thinking = False
        self._hint = Static(classes="earlier")
        self._hint.display = False
        self._told = Transcript.Following(is_following=True, has_news=False)
        self._moves_window = False
        self._wants_end = False
        self._mounting = asyncio.Lock()

    def on_mount(self) -> None:
        self.anchor()

    # What is shown

    async def show(self, conversation: Conversation | None) -> None:
        """Show this conversation instead of what is shown."""
        self.selection.clear()
        self._items = (
            [TimelineItem(entry) for entry in conversation.entries]
            if conversation is not None
            else []
        )
        self._read_cut(conversation)
        async with self._mounting, self.batch():
            await self.remove_children()
            await self.mount(self._hint, *([] if self._items else [Welcome()]))
            await self._mount_window(Window.at_end(len(self._items)))
        self.follow()

    async def show_branch(self, conversation: Conversation) -> None:
        """Show other turns of the same conversation: what is the same up to there stays as it is."""
        self._read_cut(conversation)
        kept, entries = 0, list(conversation.entries)
        for item in self._items:
            if isinstance(item.entry, Turn | ModeChange):
                if not entries or not item.is_same(entries[0]):
                    break
                del entries[0]
            kept += 1
        async with self._mounting, self.batch():
            for item in self._items[kept:]:
                await self._unmount(item)
            self._items[kept:] = [TimelineItem(entry) for entry in entries]
            self.selection.forget_missing()
            start = min(self._window.start, max(0, len(self._items) - 1))
            await self._mount_window(
                Window(start, min(max(self._window.end, kept + PAGE), len(self._items)))
            )
            if not self._items:
                await self.mount(Welcome())

    async def show_turn(self, turn_id: int) -> None:
        """Have a turn in view. If it is not the last one, it is selected: what the user does next is about it."""
        turns = [at for at, item in enumerate(self._items) if isinstance(item.entry, Turn)]
        at = next((at for at in turns if self._items[at].is_turn(turn_id)), None)
        if at is None or at == turns[-1]:
            self.follow()
            return
        if not self._window.start <= at < self._window.end:
            await self._move_to(Window(max(0, at - PAGE), min(len(self._items), at + PAGE)))
        self.selection.select(turn_id, is_reply=False)
        if (view := self._items[at].view) is not None:
            self.show_widget(view.request)

    async def add(self, entry: Entry, *, keeps_welcome: bool = False) -> None:
        """At the end. A text says something that stays."""
        async with self._mounting:
            await self._add(entry, keeps_welcome=keeps_welcome)

    async def replace_turn(self, old_id: int, turn: Turn) -> None:
        """Show `turn` in the place of the turn `old_id` and of what follows it."""
        at = next(
            (at for at, item in enumerate(self._items) if item.is_turn(old_id)), len(self._items)
        )
        async with self._mounting, self.batch():
            for item in self._items[at:]:
                await self._unmount(item)
            del self._items[at:]
            self._window = Window(min(self._window.start, at), min(self._window.end, at))
            self.selection.forget_missing()
            await self._add(turn)

    def update_turn(self, turn: Turn) -> None:
        """Show changes of a turn other than its reply's text."""
        for item in reversed(self._items):
            if item.is_turn(turn.id):
                item.entry = turn
                if item.view is not None:
                    item.view.update_turn(turn)
                return

    async def show_cut(self, conversation: Conversation | None) -> None:
        """Draw the line where the context of this conversation begins."""
        self._read_cut(conversation)
        if self._cut_notice is not None:
            await self._cut_notice.remove()
            self._cut_notice = None
        for item in self._mounted():
            if self._begins_after(item):
                await self.mount(self._new_cut_notice(), after=item.widgets[-1])

    def show_alone(self, without_history: Collection[str]) -> None:
        """The names of the formats in which a chat's prompt has its last message only."""
        self._without_history = without_history
        for view in self._views():
            view.show_alone(without_history)

    def toggle_thinking(self) -> bool:
        """Unfold what models thought, or fold it if all is open; so for what comes. False: there is nothing here."""
        replies = [view.reply for view in self._views() if view.reply.has_thinking]
        self._unfold_thinking = any(not reply.thinking_is_open for reply in replies)
        for reply in replies:
            reply.open_thinking(self._unfold_thinking)
        return bool(replies)

    def turn(self, turn_id: int) -> TurnView | None:
        """The view of a turn; None if it was not shown so far."""
        return next((item.view for item in reversed(self._items) if item.is_turn(turn_id)), None)

    @property
    def turns(self) -> list[TurnView]:
        """The turns that are mounted, in their order."""
        return [item.view for item in self._mounted() if item.view is not None]

    # The selected message

    async def bring_in(self, *, earlier: bool) -> bool:
        """Mount the next page of earlier or later entries; False if there is none."""
        window = self._window.earlier() if earlier else self._window.later(len(self._items))
        if window == self._window:
            return False
        await self._move_to(window)
        return True

    def show_widget(self, widget: Widget) -> None:
        """Scroll so that the widget is seen."""
        self.release_anchor()
        # Not before what was mounted above it has its place.
        self.call_after_refresh(
            self.scroll_to_widget, widget, animate=False, force=True, immediate=True
        )

    def is_above_end_of_view(self, widget: Widget) -> bool:
        """Whether the widget begins before the last row that is seen."""
        return widget.virtual_region.y < self.scroll_y + self.scrollable_content_region.height

    @on(RowsView.Clicked)
    def _clicked(self, message: RowsView.Clicked) -> None:
        """Select a message; open what was thought; copy code by its title."""
        message.stop()
        turn = next((turn for turn in self.turns if message.view in turn.widgets), None)
        if turn is None:
            return
        is_reply = message.view is turn.reply
        if not is_reply and turn.toggles_fold(message.row):
            return
        if is_reply and message.row < turn.reply.reply.n_thinking_rows:
            turn.reply.open_thinking(not turn.reply.thinking_is_open)
        elif is_reply and (number := turn.reply.reply.code_at(message.row)):
            self.post_message(self.CodeClicked(turn, number))
        else:
            self.selection.toggle(turn.turn_id, is_reply=is_reply)

    # Scrolling

    async def page_up(self) -> None:
        self.release_anchor()
        await self._scroll_by(-self.scrollable_content_region.height)

    async def page_down(self) -> None:
        await self._scroll_by(self.scrollable_content_region.height)

    async def _scroll_by(self, rows: int) -> None:
        """At once, so that keys that come faster than the screen is drawn count, too."""
        self.scroll_to(y=self.scroll_y + rows, animate=False, immediate=True)
        await self._move_if_near_edge()

    def follow(self) -> None:
        """Go to the end and stay there."""
        if self._window.end < len(self._items):
            self._wants_end = True
            self._move_window_soon()
        self.anchor()
        self.scroll_end(animate=False)
        self._tell()

    @property
    def is_following(self) -> bool:
        return not self._anchor_released and self._window.end == len(self._items)

    def reply_grew(self) -> None:
        """There is new text at the end."""
        self._tell(has_news=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Textual follows again only at the very end, which streaming keeps moving away.
        if new_value > old_value and self._is_near_end(new_value):
            self.anchor()
        if self.is_mounted:
            self._tell()
            if self._is_near_edge():
                self._move_window_soon()

    def is_lasting(self, widget: Widget) -> bool:
        return widget is not self._hint

    def _is_near_end(self, y: float) -> bool:
        return self._window.end == len(self._items) and self.max_scroll_y - y <= _ROWS_FROM_END

    def _is_near_edge(self) -> bool:
        rows = self.scrollable_content_region.height
        return (self._window.start > 0 and self.scroll_y < rows) or (
            self._window.end < len(self._items) and self.max_scroll_y - self.scroll_y < rows
        )

    def _tell(self, *, has_news: bool = False) -> None:
        """Say whether the end is seen, if that changed."""
        is_following = self.is_following or self._is_near_end(self.scroll_y)
        news = not is_following and (has_news or self._told.has_news)
        if (is_following, news) != (self._told.is_following, self._told.has_news):
            self._told = Transcript.Following(is_following, news)
            self.post_message(self._told)

    # The window

    async def _add(self, entry: Entry, *, keeps_welcome: bool = False) -> None:
        if not keeps_welcome:
            await self.query_children(Welcome).remove()
        was_at_end = self._window.end == len(self._items)
        self._items.append(TimelineItem(entry))
        if was_at_end:
            await self._mount_window(self._window.to_end(len(self._items)))
        self.follow()

    def _move_window_soon(self) -> None:
        if not self._moves_window:
            self._moves_window = True
            self.run_worker(self._move_window(), group="transcript window")

    async def _move_window(self) -> None:
        """Move the window to where it is wanted. One at a time: mounting must not be cancelled on its way."""
        try:
            if self._wants_end:
                self._wants_end = False
                await self._move_to(Window.at_end(len(self._items)))
                self.anchor()
            else:
                await self._move_if_near_edge()
        finally:
            self._moves_window = False
        if self._wants_end:
            self._move_window_soon()

    async def _move_if_near_edge(self) -> None:
        rows = self.scrollable_content_region.height
        window = self._window
        if self.scroll_y < rows and window.start > 0:
            window = window.earlier()
        elif self.max_scroll_y - self.scroll_y < rows and window.end < len(self._items):
            window = window.later(len(self._items))
        if window != self._window:
            await self._move_to(window)

    async def _move_to(self, window: Window) -> None:
        async with self._mounting:
            count = len(self._items)  # it may have become another conversation meanwhile
            await self._mount_window(Window(min(window.start, count), min(window.end, count)))

    async def _mount_window(self, window: Window) -> None:
        """Mount what is in it, and unmount what is not. `_mounting` is held, from before the lock of a batch."""
        old, self._window = self._window, window
        async with self.batch():
            for at, item in enumerate(self._items):
                if item.widgets and not window.start <= at < window.end:
                    await self._unmount(item)
            kept = [at for at in range(window.start, window.end) if self._items[at].widgets]
            before = (
                self._items[window.start : kept[0]]
                if kept
                else self._items[window.start : window.end]
            )
            after = self._items[kept[-1] + 1 : window.end] if kept else []
            first = self._items[kept[0]].widgets[0] if kept else None
            if widgets := [widget for item in before for widget in self._made(item)]:
                await self.mount(*widgets, before=first)
            if widgets := [widget for item in after for widget in self._made(item)]:
                await self.mount(*widgets)
            if old.start != window.start:
                self._show_hint()
        self.call_after_refresh(self._fill)

    async def _fill(self) -> None:
        """Mount more if the window is higher than what is mounted."""
        if (
            self._window.start > 0
            and self.is_attached
            and self.max_scroll_y < self.scrollable_content_region.height
        ):
            await self._move_to(self._window.earlier())

    def _made(self, item: TimelineItem) -> tuple[Widget, ...]:
        """The widgets of an entry, new."""
        item.make_widgets(self._new_turn_view)
        if item.view is not None:
            self.selection.mark(item.view)
        return (*item.widgets, self._new_cut_notice()) if self._begins_after(item) else item.widgets

    def _new_turn_view(self, turn: Turn) -> TurnView:
        return TurnView(
            *(turn, self._without_history, self._model_before(turn)),
            unfold_thinking=self._unfold_thinking,
            explains=is_first_unseen(turn, self._items),
            in_force=keymap_of(self).in_force,
        )

    def _model_before(self, turn: Turn) -> str:
        """The name of the model that wrote the reply before that of `turn`."""
        turns = (item.entry for item in reversed(self._items) if isinstance(item.entry, Turn))
        return next(
            (other.reply.model for other in turns if other.id < turn.id and other.reply.model), ""
        )

    async def _unmount(self, item: TimelineItem) -> None:
        if self._begins_after(item) and self._cut_notice is not None:
            await self._cut_notice.remove()
            self._cut_notice = None
        for widget in item.widgets:
            await widget.remove()
        item.widgets = ()

    def _mounted(self) -> Iterator[TimelineItem]:
        return (item for item in self._items[self._window.start : self._window.end] if item.widgets)

    def _views(self) -> Iterator[TurnView]:
        return (item.view for item in self._items if item.view is not None)

    def _read_cut(self, conversation: Conversation | None) -> None:
        self._cut = conversation.cut if conversation is not None else None
        self._n_left_out = (
            n_left_out(self._cut, conversation.turns) if conversation is not None else 0
        )

    def _begins_after(self, item: TimelineItem) -> bool:
        return self._cut is not None and item.is_turn(self._cut.left_turn_id)

    def _new_cut_notice(self) -> CutNotice:
        assert self._cut is not None
        self._cut_notice = CutNotice(self._n_left_out, self._cut.summary)
        return self._cut_notice

    def _show_hint(self) -> None:
        self._hint.display = self._window.start > 0
        self._hint.update(Content(f"↑ {self._window.start} earlier"))
