"""Which message of the transcript is selected: what the user does next is done with that one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modechat.tui.widgets.rows_view import RowsView
    from modechat.tui.widgets.transcript import Transcript
    from modechat.tui.widgets.turn import TurnView

_CLASS = "-selected"


class MessageSelection:
    """A message is a turn's request or its reply. It stays selected while its widgets come and go."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._selected: tuple[int, bool] | None = None
        """The id of the turn, and whether it is its reply."""

    @property
    def turn(self) -> TurnView | None:
        """The turn whose request or reply is selected."""
        return self._transcript.turn(self._selected[0]) if self._selected is not None else None

    @property
    def turn_id(self) -> int | None:
        return self._selected[0] if self._selected is not None else None

    @property
    def is_request(self) -> bool:
        """Whether it is a request; False also if nothing is selected."""
        return self._selected is not None and not self._selected[1]

    async def move(self, step: int) -> None:
        """Select the message that is `step` after the selected one (before it, if negative); at first the last seen."""
        messages = self._messages()
        if not messages:
            return
        if self._selected not in messages:
            self._select(self._last_in_view() or messages[-1])
        else:
            beside = self._beside(messages, step)
            if beside is None and await self._transcript.bring_in(earlier=step < 0):
                beside = self._beside(self._messages(), step)
            if beside is None and step > 0:
                self.clear()
                self._transcript.follow()
            elif beside is not None:
                self._select(beside)
        if (widget := self._widget) is not None:
            self._transcript.show_widget(widget)

    def select(self, turn_id: int, *, is_reply: bool) -> None:
        self._select((turn_id, is_reply))

    def toggle(self, turn_id: int, *, is_reply: bool) -> None:
        """Select this message, or none if it is selected."""
        clicked = (turn_id, is_reply)
        self._select(None if clicked == self._selected else clicked)

    def clear(self) -> bool:
        """Select nothing. False: nothing was."""
        was_selected = self._selected is not None
        self._select(None)
        return was_selected

    def forget_missing(self) -> None:
        """Select nothing if the turn is not there any more."""
        if self.turn is None:
            self._select(None)

    def mark(self, turn: TurnView) -> None:
        """The turn has new widgets: show on them what is selected."""
        if self._selected is not None and self._selected[0] == turn.turn_id:
            turn.widgets[self._selected[1]].add_class(_CLASS)

    def _messages(self) -> list[tuple[int, bool]]:
        return [
            (turn.turn_id, is_reply)
            for turn in self._transcript.turns
            for is_reply in (False, True)
        ]

    def _last_in_view(self) -> tuple[int, bool] | None:
        if self._transcript.is_following:
            return None
        is_seen = self._transcript.is_above_end_of_view
        seen = [
            (turn.turn_id, is_reply)
            for turn in self._transcript.turns
            for is_reply in (False, True)
            if is_seen(turn.widgets[is_reply])
        ]
        return seen[-1] if seen else None

    def _beside(self, messages: list[tuple[int, bool]], step: int) -> tuple[int, bool] | None:
        if self._selected not in messages:
            return None
        at = messages.index(self._selected) + step
        return messages[at] if 0 <= at < len(messages) else None

    def _select(self, selected: tuple[int, bool] | None) -> None:
        if selected == self._selected:
            return
        if (widget := self._widget) is not None:
            widget.remove_class(_CLASS)
        self._selected = selected
        if (widget := self._widget) is not None:
            widget.add_class(_CLASS)
        self._transcript.post_message(self._transcript.MessageSelected())

    @property
    def _widget(self) -> RowsView | None:
        turn = self.turn
        return None if turn is None else turn.request if self.is_request else turn.reply
