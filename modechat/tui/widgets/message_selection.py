"""The selected message of the transcript: the user's next action is about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from textual.widget import Widget

from modechat.tui.widgets.rows_view import RowsView
from modechat.tui.widgets.turn import TurnView

_CLASS = "-selected"

_Message: TypeAlias = tuple[int, bool]
"""The id of a turn; and True for its reply, False for its request."""


class TurnsToSelect(Protocol):
    """The part of the transcript that selecting needs."""

    @property
    def turns(self) -> Sequence[TurnView]:
        """The mounted turns, in their order."""

    @property
    def is_following(self) -> bool:
        """True while the view stays at the end."""

    def turn(self, turn_id: int) -> TurnView | None:
        """Return the view of a turn; None if it has not been shown yet."""

    async def bring_in(self, *, earlier: bool) -> bool:
        """Mount the next page of earlier or later entries; return False if there is none."""

    def follow(self) -> None:
        """Go to the end and stay there."""

    def show_widget(self, widget: Widget) -> None:
        """Scroll until the widget is visible."""

    def is_above_end_of_view(self, widget: Widget) -> bool:
        """Return True if the widget begins before the last visible row."""

    def selection_changed(self) -> None:
        """Handle that another message is selected, or none."""


class MessageSelection:
    """The selected message, a request or a reply.

    It stays selected while its widgets come and go.
    """

    def __init__(self, transcript: TurnsToSelect) -> None:
        self._transcript = transcript
        self._selected: _Message | None = None

    @property
    def turn(self) -> TurnView | None:
        """The turn whose request or reply is selected."""
        return None if self._selected is None else self._transcript.turn(self._selected[0])

    def turn_id(self) -> int | None:
        """Return the id of the turn whose message is selected."""
        return None if self._selected is None else self._selected[0]

    @property
    def is_request(self) -> bool:
        """True if a request is selected; False also if nothing is."""
        return self._selected is not None and not self._selected[1]

    async def move(self, step: int) -> None:
        """Select the message `step` places after the selected one (before it, if negative).

        If none is selected, select the last visible one.
        """
        messages = self._messages()
        if not messages:
            return
        if self._selected not in messages:
            self._select(self._last_in_view() or messages[-1])
        else:
            await self._move_from_selected(messages, step)
        widget = self._widget
        if widget is not None:
            self._transcript.show_widget(widget)

    async def _move_from_selected(self, messages: list[_Message], step: int) -> None:
        beside = self._beside(messages, step)
        if beside is None and await self._transcript.bring_in(earlier=step < 0):
            beside = self._beside(self._messages(), step)
        if beside is not None:
            self._select(beside)
        elif step > 0:
            self.clear()
            self._transcript.follow()

    def select(self, turn_id: int, *, is_reply: bool) -> None:
        self._select((turn_id, is_reply))

    def toggle(self, turn_id: int, *, is_reply: bool) -> None:
        """Select this message, or deselect it if it is selected."""
        clicked = (turn_id, is_reply)
        self._select(None if clicked == self._selected else clicked)

    def clear(self) -> bool:
        """Deselect the message. Return False if none was selected."""
        was_selected = self._selected is not None
        self._select(None)
        return was_selected

    def forget_missing(self) -> None:
        """Deselect the message if its turn does not exist any more."""
        if self.turn is None:
            self._select(None)

    def mark(self, turn: TurnView) -> None:
        """Mark the selected message on the new widgets of a turn."""
        if self._selected is not None and self._selected[0] == turn.turn_id:
            turn.widgets[self._selected[1]].add_class(_CLASS)

    def _messages(self) -> list[_Message]:
        messages: list[_Message] = []
        for turn in self._transcript.turns:
            messages += [(turn.turn_id, False), (turn.turn_id, True)]
        return messages

    def _last_in_view(self) -> _Message | None:
        if self._transcript.is_following:
            return None
        is_seen = self._transcript.is_above_end_of_view
        for turn in reversed(self._transcript.turns):
            if is_seen(turn.reply):
                return turn.turn_id, True
            if is_seen(turn.request):
                return turn.turn_id, False
        return None

    def _beside(self, messages: list[_Message], step: int) -> _Message | None:
        if self._selected not in messages:
            return None
        index = messages.index(self._selected) + step
        return messages[index] if 0 <= index < len(messages) else None

    def _select(self, selected: _Message | None) -> None:
        if selected == self._selected:
            return
        before = self._widget
        if before is not None:
            before.remove_class(_CLASS)
        self._selected = selected
        now = self._widget
        if now is not None:
            now.add_class(_CLASS)
        self._transcript.selection_changed()

    @property
    def _widget(self) -> RowsView | None:
        turn = self.turn
        return None if turn is None else turn.widgets[not self.is_request]
