"""Shows the progress of the reply that is awaited or written.

The status line has the figures; the place of the reply says what it waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.session.events import PromptEvaluated, ReplyGrew
from modechat.session.phase import Phase
from modechat.tui.live_meter import LiveMeter
from modechat.tui.widgets.status_line import StatusLine
from modechat.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.timer import Timer

_SECONDS_TO_WONDER = 2  # a user who waits longer wants to see progress
_SECONDS_BETWEEN_FIGURES = 0.5  # repainting takes time from the model


class ReplyProgress:
    """Shows figures from the moment when a reply is asked for until it ends."""

    def __init__(self, transcript: Transcript, status: StatusLine) -> None:
        self._transcript = transcript
        self._status = status
        self._meter = LiveMeter()
        self._ticking: Timer | None = None
        self._awaited = (0, "")
        """The id of the turn that has no text yet, and what it waits for."""

    def phase_changed(self, phase: Phase) -> None:
        if phase is Phase.GENERATING:
            self._begin()
        elif phase is not Phase.STOPPING:
            self._end()
        self._show_figures()

    def prompt_evaluated(self, event: PromptEvaluated) -> None:
        if view := self._transcript.turn(event.turn_id):
            self._meter.read_prompt(event.prompt_tokens, view.turn.mode)
        if event.fraction < 1:
            text = activity = f"Reading the prompt · {event.fraction:.0%}"
        else:
            text, activity = "…", "waiting"
        self._awaited = event.turn_id, text
        self.show_waiting(event.turn_id, text)
        self._status.update_status(activity=activity)

    def grew(self, event: ReplyGrew) -> None:
        self._meter.grew(event.completion_tokens)
        self._status.update_status(activity="thinking" if event.is_thinking else "writing")

    def show_waiting(self, turn_id: int, text: str) -> None:
        """Show in the place of a reply what it waits for."""
        if view := self._transcript.turn(turn_id):
            view.reply.show_activity(text)

    def _begin(self) -> None:
        self._meter.begin()
        self._awaited = (0, "")
        if self._ticking is None:
            self._ticking = self._status.set_interval(_SECONDS_BETWEEN_FIGURES, self._show_figures)
        self._ticking.resume()
        if not self._status.status.activity:
            self._status.update_status(activity="waiting")

    def _end(self) -> None:
        if self._meter.is_running:  # after a comparison nothing else clears it
            self._status.update_status(activity="")
        self._meter.end()
        if self._ticking is not None:
            self._ticking.pause()

    def _show_figures(self) -> None:
        live = self._meter.read()
        self._status.update_status(live=live)
        if live is not None and self._meter.is_waiting and live.seconds >= _SECONDS_TO_WONDER:
            turn_id, text = self._awaited
            self.show_waiting(turn_id, f"{text} · {live.seconds:,} s")
