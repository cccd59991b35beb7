"""The transcript: the timeline of both modes, with the newest turn at the bottom."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from textual import on
from textual.message import Message

from modechat.domain.context import n_left_out
from modechat.domain.conversation import Conversation, ModeChange, Turn
from modechat.tui.bindings import keymap_of
from modechat.tui.widgets.message_selection import MessageSelection
from modechat.tui.widgets.notices import Welcome
from modechat.tui.widgets.rows_view import ROW_COLOURS, RowColours, RowsView
from modechat.tui.widgets.timeline_item import Entry, TimelineItem, is_first_unseen, model_before
from modechat.tui.widgets.timeline_scroll import TimelineScroll
from modechat.tui.widgets.turn import TurnView
from modechat.tui.widgets.window import Window


class Transcript(TimelineScroll, RowColours, can_focus=False):
    """Shows a conversation turn by turn, and marks the selected message."""

    COMPONENT_CLASSES = ROW_COLOURS

    class MessageSelected(Message):
        """Tells that another message is selected, or none."""

    @dataclass
    class CodeClicked(Message):
        """Tells that the title of a code block was clicked."""

        turn: TurnView
        number: int
        """The number of the code block in its reply, from 1."""

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self.selection = MessageSelection(self)
        self._without_history: Collection[str] = ()
        self._unfold_thinking = False

    # What is shown

    async def show(self, conversation: Conversation | None) -> None:
        """Replace what is shown by this conversation."""
        self.selection.clear()
        entries = conversation.entries if conversation is not None else ()
        async with self.batch():
            await self.entries.replace_from(0, entries)
            await self.show_cut(conversation)
            await self._show_welcome()
            await self.entries.move(Window.at_end(len(entries)))
        self.follow()

    async def show_branch(self, conversation: Conversation) -> None:
        """Show another branch of the same conversation.

        The turns that both branches share stay as they are.
        """
        async with self.batch():
            before = self.entries.window
            kept, entries = self._shared_beginning(conversation)
            await self.entries.replace_from(kept, entries)
            await self.show_cut(conversation)
            self.selection.forget_missing()
            await self.entries.move(before.with_others_from(kept, len(self.entries.items)))
            await self._show_welcome()

    def _shared_beginning(self, conversation: Conversation) -> tuple[int, list[Entry]]:
        """Return how many of the items stay, and the conversation's entries that follow them."""
        kept = 0
        entries: list[Entry] = list(conversation.entries)
        for item in self.entries.items:
            if isinstance(item.entry, Turn | ModeChange):
                if not entries or not item.is_same(entries[0]):
                    break
                del entries[0]
            kept += 1
        return kept, entries

    async def show_turn(self, turn_id: int) -> None:
        """Scroll to a turn.

        If it is not the last one, it is selected, so that the user's next action is about it.
        """
        async with self.batch():
            index = self.entries.index(turn_id)
            if index is None or index == self.entries.index_of_last_turn:
                self.follow()
                return
            if index not in self.entries.window:
                await self.entries.move(Window.around(index, len(self.entries.items)))
            self.selection.select(turn_id, is_reply=False)
            view = self.entries.items[index].view
            if view is not None:
                self.show_widget(view.request)

    async def add(self, entry: Entry, *, keeps_welcome: bool = False) -> None:
        """Show an entry at the end. A string is a remark that stays."""
        async with self.batch():
            if not keeps_welcome:
                await self.query_children(Welcome).remove()
            await self.entries.append(entry)
        self.follow()

    async def replace_turn(self, old_id: int, turn: Turn) -> None:
        """Replace the turn `old_id` and everything behind it by `turn`."""
        async with self.batch():
            index = self.entries.index(old_id)
            if index is None:
                index = len(self.entries.items)
            await self.entries.replace_from(index, ())
            self.selection.forget_missing()
            await self.add(turn)

    def update_turn(self, turn: Turn) -> None:
        """Show changes of a turn other than its reply's text."""
        item = self.entries.find(turn.id)
        if item is not None:
            item.update_turn(turn)

    def feed(self, turn_id: int, text: str, *, is_thinking: bool) -> None:
        """Add text to the running reply of a turn."""
        item = self.entries.find(turn_id)
        if item is not None:
            item.feed(text, is_thinking=is_thinking)
            self.announce_following(has_news=True)

    async def show_cut(self, conversation: Conversation | None) -> None:
        """Draw the line where the context of this conversation begins."""
        if conversation is None:
            await self.entries.show_cut(None, 0)
        else:
            cut = conversation.cut
            await self.entries.show_cut(cut, n_left_out(cut, conversation.turns))

    def show_alone(self, without_history: Collection[str]) -> None:
        """Mark the turns of these formats: their prompts have only the last message of a chat."""
        self._without_history = without_history
        for view in self._views():
            view.show_alone(without_history)

    def toggle_thinking(self) -> bool:
        """Unfold all thinking, or fold it if all is unfolded; and do so for later replies.

        Return False if no reply here has thinking.
        """
        replies = [view.reply for view in self._views() if view.reply.has_thinking]
        if not replies:
            return False
        self._unfold_thinking = not all(reply.thinking_is_open for reply in replies)
        for reply in replies:
            reply.open_thinking(self._unfold_thinking)
        return True

    def turn(self, turn_id: int) -> TurnView | None:
        """Return the view of a turn; None if it has not been shown yet."""
        item = self.entries.find(turn_id)
        return None if item is None else item.view

    @property
    def turns(self) -> list[TurnView]:
        """The mounted turns, in their order."""
        return [item.view for item in self.entries.mounted() if item.view is not None]

    # Messages

    def selection_changed(self) -> None:
        self.post_message(self.MessageSelected())

    @on(RowsView.Clicked)
    def _clicked(self, message: RowsView.Clicked) -> None:
        """Select the message that was clicked, unfold its thinking, or copy code by its title."""
        message.stop()
        for turn in self.turns:
            if message.view is turn.request:
                self._request_clicked(turn, message.row)
            elif message.view is turn.reply:
                self._reply_clicked(turn, message.row)

    def _request_clicked(self, turn: TurnView, row: int) -> None:
        if not turn.toggles_fold(row):
            self.selection.toggle(turn.turn_id, is_reply=False)

    def _reply_clicked(self, turn: TurnView, row: int) -> None:
        view = turn.reply
        if row < view.reply.n_thinking_rows:
            view.open_thinking(not view.thinking_is_open)
        elif number := view.reply.code_at(row):
            self.post_message(self.CodeClicked(turn, number))
        else:
            self.selection.toggle(turn.turn_id, is_reply=True)

    # Widgets

    def make_widgets(self, item: TimelineItem) -> None:
        item.make_widgets(self._new_turn_view)
        if item.view is not None:
            self.selection.mark(item.view)

    def _new_turn_view(self, turn: Turn) -> TurnView:
        items = self.entries.items
        return TurnView(
            turn,
            self._without_history,
            model_before(turn, items),
            unfold_thinking=self._unfold_thinking,
            explains=is_first_unseen(turn, items),
            name_keys=keymap_of(self).name_keys,
        )

    async def _show_welcome(self) -> None:
        """Show the welcome if the conversation is empty."""
        await self.query_children(Welcome).remove()
        if not self.entries.items:
            await self.mount(Welcome())

    def _views(self) -> Iterator[TurnView]:
        return (item.view for item in self.entries.items if item.view is not None)
