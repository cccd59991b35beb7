"""One turn on the timeline: its rows, and two widgets that show them.

The rows outlive the widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from modechat.domain.conversation import Turn
from modechat.tui.mode_label import mode_class
from modechat.tui.render.replies import ReplyLines, foot_of
from modechat.tui.render.requests import RequestLines
from modechat.tui.widgets.reply import ReplyView
from modechat.tui.widgets.rows_view import RowsView


class RequestView(RowsView):
    """Shows the user's message."""


class TurnView:
    """A turn, shown by two widgets.

    They are removed when they are scrolled far away, and can be made again.
    """

    def __init__(
        self,
        turn: Turn,
        without_history: Collection[str] = (),
        model_before: str = "",
        *,
        unfold_thinking: bool = False,
        explains: bool = True,
        name_keys: Callable[[str], str] = str,
    ) -> None:
        """Make the rows and the widgets of `turn`.

        `without_history`: names of the formats whose prompts have only the last message of a chat.
        `model_before`: the name of the model that wrote the reply before. `explains`: a turn that
        the chat does not see says so in words. `name_keys` puts the user's own keys into a text
        that names keys.
        """
        self._turn = turn
        self._without_history = without_history
        self._request_lines = RequestLines(turn, without_history, explains=explains)
        self._reply_lines = ReplyLines(
            turn.reply, unfold_thinking=unfold_thinking, name_keys=name_keys
        )
        self._model_before = model_before
        self._reply_lines.show_foot(foot_of(turn, model_before))
        self.make_widgets()

    @property
    def turn_id(self) -> int:
        return self._turn.id

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def widgets(self) -> tuple[RowsView, RowsView]:
        return self.request, self.reply

    def make_widgets(self) -> tuple[RowsView, RowsView]:
        """Make new widgets that show the same rows; the caller mounts them."""
        mode = mode_class(self._turn.mode)
        self.request = RequestView(self._request_lines, classes=f"request {mode}")
        self.reply = ReplyView(self._reply_lines)
        self.reply.add_class(mode)
        return self.widgets

    def toggles_fold(self, row: int) -> bool:
        """Fold or unfold the message after a click on this row.

        Return False if the row does neither.
        """
        if not self._request_lines.toggle_fold(row):
            return False
        self.request.lines_changed()
        return True

    def update_turn(self, turn: Turn) -> None:
        """Show changes of the turn other than its reply's text."""
        self._turn = turn
        self._request_lines.update(turn, self._without_history)
        if self.request.is_attached:
            self.request.lines_changed()
        is_new = self._reply_lines.show_foot(foot_of(turn, self._model_before))
        if is_new and self.reply.is_attached:
            self.reply.lines_changed()
            self.reply.refresh()  # a settled row may say something else

    def show_alone(self, without_history: Collection[str]) -> None:
        """Take the names of the formats that leave out a chat's history."""
        self._without_history = without_history
        self.update_turn(self._turn)
