"""The status line: model, format, context, speed. What does not fit goes, the least important first."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from modechat.domain.conversation import ReplyStats
from modechat.domain.modes import Mode
from modechat.domain.text import sanitize_line
from modechat.engine.protocol import ModelInfo
from modechat.tui.widgets.mode_label import GLYPHS

_SEPARATOR = " · "
_BAR_CELLS = 10


@dataclass(frozen=True, slots=True)
class Status:
    """What the line shows. `activity`, if any, takes the place of the last reply's figures."""

    mode: Mode = Mode.CHAT
    model: ModelInfo | None = None
    loading: float | None = None
    """Fraction of the model that is loaded; None if it is not being loaded."""
    activity: str = ""
    stats: ReplyStats | None = None
    is_down: bool = False


class StatusLine(Widget):
    DEFAULT_CSS = "StatusLine { height: 1; }"

    def __init__(self) -> None:
        super().__init__(id="status")
        self._status = Status()

    @property
    def status(self) -> Status:
        return self._status

    def update_status(self, **changes: object) -> None:
        """Change fields of the shown `Status`."""
        status = replace(self._status, **changes)  # type: ignore[arg-type]
        if status != self._status:
            self._status = status
            self.refresh()

    def render(self) -> Content:
        width = max(self.size.width - 1, 0)
        segments = _segments(self._status)
        # Each segment has a rank; the highest goes first when the line is too long.
        while len(segments) > 1 and cell_len(_SEPARATOR.join(text for _, text in segments)) > width:
            segments.remove(max(segments, key=lambda segment: segment[0]))
        line = Content(_SEPARATOR.join(text for _, text in segments))
        return line.truncate(width, ellipsis=True) if width else Content("")


def _segments(status: Status) -> list[tuple[int, str]]:
    """The parts of the line, each with its rank: 0 stays longest."""
    segments = [(2, f"{GLYPHS[status.mode]} {status.mode}")]
    if status.loading is not None:
        done = round(status.loading * _BAR_CELLS)
        bar = "━" * done + "╌" * (_BAR_CELLS - done)
        return [*segments, (0, f"Loading the model {bar} {status.loading:.0%}")]
    if status.is_down or status.model is None:
        return [*segments, (0, "No model is loaded" if status.is_down else "Starting")]
    model, stats = status.model, status.stats
    segments.append((3, sanitize_line(model.name)))
    segments.append((5, f"{sanitize_line(stats.format if stats else model.format)} ({model.format_source})"))
    used = f"{stats.prompt_tokens + stats.completion_tokens:,} of " if stats else ""
    segments.append((4, f"{used}{model.n_ctx:,} tokens"))
    if status.activity:
        segments.append((0, status.activity))
    elif stats is not None:
        segments.append((1, f"{stats.tokens_per_second:.0f} tok/s"))
        segments.append((6, f"first after {stats.seconds_to_first_token:.2f} s"))
    segments.append((3, model.device))
    return segments
