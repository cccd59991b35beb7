"""The transcript: the timeline of both modes, newest at the bottom.

Mounts the newest entries only; the older ones come in pages when the user scrolls to the top. It follows the end
while a reply streams, lets go when the user scrolls up, and follows again near the end.
"""

from __future__ import annotations

from collections.abc import Collection

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.context import n_left
from modechat.domain.conversation import ContextCut, Conversation, Entry, ModeChange, Turn
from modechat.session.events import Trouble
from modechat.tui.widgets.notices import AppNotice, CutNotice, ModeNotice, TroubleNotice, Welcome
from modechat.tui.widgets.turn import TurnView

_MOUNTED_AT_FIRST = 30
_PAGE = 20
_ROWS_FROM_END = 2


class Transcript(VerticalScroll, can_focus=False):
    def __init__(self) -> None:
        super().__init__(id="transcript")
        self._earlier: list[Entry] = []
        self._cut: ContextCut | None = None
        self._n_left = 0
        self._without_history: Collection[str] = ()
        self._unfold_thinking = False
        self._hint = Static(classes="earlier")
        self._hint.display = False

    def on_mount(self) -> None:
        self.anchor()

    async def show(self, conversation: Conversation | None) -> None:
        """Show this conversation instead of what is shown."""
        entries = list(conversation.entries) if conversation is not None else []
        self._earlier, shown = entries[:-_MOUNTED_AT_FIRST], entries[-_MOUNTED_AT_FIRST:]
        async with self.batch():
            await self.remove_children()
            await self.mount(self._hint, *(map(self._view, shown) if shown else [Welcome()]))
        await self.show_cut(conversation)
        self._show_hint()
        self.anchor()

    async def add_turn(self, turn: Turn) -> None:
        await self._append(self._view(turn))

    async def add_mode_change(self, change: ModeChange) -> None:
        await self._append(ModeNotice(change))

    async def add_trouble(self, trouble: Trouble) -> None:
        await self._append(TroubleNotice(trouble))

    async def add_notice(self, text: str) -> None:
        """Say something that stays; an empty conversation keeps its welcome."""
        await self.mount(AppNotice(text))
        self.follow()

    async def replace_turn(self, old_id: int, turn: Turn) -> None:
        """Show `turn` in the place of the turn `old_id` and of what follows it."""
        children = list(self.children)
        start = next((i for i, view in enumerate(children) if _is_turn(view, old_id)), len(children))
        async with self.batch():
            await self.remove_children(children[start:])
            await self.mount(self._view(turn))
        self.anchor()

    async def show_cut(self, conversation: Conversation | None) -> None:
        """Draw the line where the context of this conversation begins."""
        await self.query_children(CutNotice).remove()
        self._cut = conversation.cut if conversation is not None else None
        self._n_left = n_left(self._cut, conversation.turns) if conversation is not None else 0
        if self._cut is not None and (view := self.turn(self._cut.left_turn_id)):
            await self.mount(CutNotice(self._n_left, self._cut.summary), after=view)

    def show_alone(self, without_history: Collection[str]) -> None:
        """The names of the formats in which a chat's prompt has its last message only."""
        self._without_history = without_history
        for view in self.query_children(TurnView):
            view.show_alone(without_history)

    def toggle_thinking(self) -> bool:
        """Unfold what models thought, or fold it if all is open; so for what comes. False: there is nothing here."""
        replies = [view.reply for view in self.query_children(TurnView) if view.reply.has_thinking]
        self._unfold_thinking = any(not reply.thinking_is_open for reply in replies)
        for reply in replies:
            reply.open_thinking(self._unfold_thinking)
        return bool(replies)

    def turn(self, turn_id: int) -> TurnView | None:
        """The view of a turn; None if it is not mounted."""
        return next((view for view in self.query_children(TurnView) if view.turn_id == turn_id), None)

    async def page_up(self) -> None:
        """Scroll up by a page; at the top, bring in earlier entries."""
        if self.scroll_y <= 0 and self._earlier:
            await self._mount_earlier()
        else:
            self.release_anchor()
            self.scroll_page_up(animate=False)

    def page_down(self) -> None:
        self.scroll_page_down(animate=False)

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.anchor()
        self.scroll_end(animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        # Textual follows again only at the very end, which streaming keeps moving away.
        if new_value > old_value and self.max_scroll_y - new_value <= _ROWS_FROM_END:
            self.anchor()

    async def _append(self, view: Widget) -> None:
        await self.query_children(Welcome).remove()
        await self.mount(view)
        self.follow()

    async def _mount_earlier(self) -> None:
        page, self._earlier = self._earlier[-_PAGE:], self._earlier[:-_PAGE]
        first = self.children[1]
        await self.mount(*map(self._view, page), after=self._hint)
        if self._cut is not None and any(isinstance(turn, Turn) and turn.id == self._cut.left_turn_id for turn in page):
            await self.mount(CutNotice(self._n_left, self._cut.summary), after=self.turn(self._cut.left_turn_id))
        self._show_hint()
        self.release_anchor()
        self.call_after_refresh(self.scroll_to_widget, first, animate=False, top=True)

    def _view(self, entry: Entry) -> Widget:
        if isinstance(entry, Turn):
            return TurnView(entry, self._without_history, unfold_thinking=self._unfold_thinking)
        return ModeNotice(entry)

    def _show_hint(self) -> None:
        count = len(self._earlier)
        self._hint.display = count > 0
        self._hint.update(Content(f"↑ {count} earlier · Page Up at the top shows them"))


def _is_turn(view: Widget, turn_id: int) -> bool:
    return isinstance(view, TurnView) and view.turn_id == turn_id
