"""The status line: model, format, context, speed. What does not fit goes, the least important first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget

from modechat.domain.mode import Mode
from modechat.domain.text import sanitize_line
from modechat.tui.mode_label import GLYPHS

if TYPE_CHECKING:
    from modechat.domain.context import Forecast
    from modechat.domain.conversation import ReplyStats
    from modechat.engine.protocol import Adapter, ModelInfo
    from modechat.tui.live_meter import Live

_SEPARATOR = " · "
_TOO_LONG = "too long: this message alone does not fit"
_FULL = "full: the oldest turns leave with this message"
_DOWN = "No model is loaded"
_BAR_CELLS = 10
_NAME = 3
"""Rank of the model's name."""
_DEVICE = 4
"""Rank of the device."""
_SHORT_NAME = 12


_LONGEST_FALLBACK = 32
"""Cells that the fallback of the ladder may take."""


@dataclass(frozen=True, slots=True)
class FormatShown:
    """A prompt format, where it came from, and what it needed for the last prompt (empty: nothing known)."""

    name: str
    source: str
    fallback: str = ""

    @classmethod
    def of_model(cls, model: ModelInfo) -> FormatShown:
        return cls(model.format, model.format_source)

    @classmethod
    def of_reply(cls, stats: ReplyStats) -> FormatShown:
        return cls(stats.format, stats.format_source, stats.fallback)


@dataclass(frozen=True, slots=True)
class Status:
    """What the line shows. `activity`, if any, takes the place of the last reply's figures."""

    mode: Mode = Mode.CHAT
    model: ModelInfo | None = None
    loading: float | None = None
    """Fraction of the model that is loaded; None if it is not being loaded."""
    activity: str = ""
    live: Live | None = None
    """Figures of the reply that is awaited or written."""
    stats: ReplyStats | None = None
    used: int = 0
    """Tokens that the next message is added to, or those of the last task in instruct mode."""
    format: FormatShown | None = None
    """That of the last reply; of the model, where it changed since."""
    thinking: bool | None = None
    """What the user chose; None: nothing."""
    adapters: tuple[Adapter, ...] = ()
    """The LoRA adapters that are applied, of both modes."""
    forecast: Forecast | None = None
    """What the text at the prompt will make of the context; None: nothing is typed that counts."""
    is_down: bool = False
    is_unloaded: bool = False
    """Whether the model's memory was given back until the next message."""


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
        return coloured(
            fit(status_segments(self._status), self.size.width),
            self._status,
            is_ansi=self.app.current_theme.ansi,
        )


def coloured(line: str, status: Status, *, is_ansi: bool = False) -> Content:
    """The line with its mode in the mode's colour, and what the user should see soon in the colour of a warning.

    `is_ansi`: the terminal has sixteen colours, of which none is muted.
    """
    content = Content(line)
    mode = f"{GLYPHS[status.mode]} {status.mode}"
    if line.startswith(mode):
        content = content.stylize(
            "$text-primary" if status.mode is Mode.CHAT else "$text-accent", 0, len(mode)
        )
        if is_ansi:
            content = content.stylize("dim", len(mode))
    elif is_ansi:
        content = content.stylize("dim")
    for warning in (_TOO_LONG, _FULL, _DOWN):
        if (at := line.find(warning)) >= 0:
            content = content.stylize("$text-warning", at, at + len(warning))
    return content


def fit(segments: list[tuple[int, str]], width: int) -> str:
    """The texts of `segments` in one line of at most `width` cells.

    Each has a rank. When the line is too long, the model's name is shortened; where that is not enough, the segment
    with the highest rank goes.
    """
    line = _SEPARATOR.join(text for _, text in segments)
    excess = cell_len(line) - width
    if excess <= 0:
        return line
    if len(segments) == 1:
        return set_cell_size(line, width)
    device = next((text for rank, text in segments if rank == _DEVICE), "")
    if ": " in device:  # the reason why it is not the GPU goes first
        shorter = device.partition(": ")[0]
        return fit([(rank, shorter if rank == _DEVICE else text) for rank, text in segments], width)
    name = next((text for rank, text in segments if rank == _NAME), "")
    if cell_len(name) - excess >= _SHORT_NAME:
        shorter = set_cell_size(name, cell_len(name) - excess - 1).rstrip() + "…"
        return _SEPARATOR.join(shorter if rank == _NAME else text for rank, text in segments)
    last = max(segments, key=lambda segment: segment[0])
    return fit([segment for segment in segments if segment is not last], width)


def _format_segments(used: FormatShown) -> list[tuple[int, str]]:
    from modechat.prompting.prompt_format import AS_IS  # not before the first frame

    segments = [(5, f"{sanitize_line(used.name)} ({sanitize_line(used.source)})")]
    if used.fallback not in ("", AS_IS):
        fallback = sanitize_line(used.fallback)
        segments.append(
            (
                7,
                fallback
                if cell_len(fallback) <= _LONGEST_FALLBACK
                else set_cell_size(fallback, _LONGEST_FALLBACK - 1).rstrip() + "…",
            )
        )
    return segments


def _lora_text(status: Status) -> str:
    """The adapters that count in this mode: the first by its name, the others by their number."""
    from modechat.domain.lora import lora_label

    labels = [
        lora_label(one.path, one.scale)
        for one in status.adapters
        if one.mode in (None, status.mode.value)
    ]
    more = f" +{len(labels) - 1}" if len(labels) > 1 else ""
    return f"lora {sanitize_line(labels[0])}{more}" if labels else ""


def _live_segments(live: Live) -> list[tuple[int, str]]:
    segments = []
    if live.tokens:
        segments.append((2, f"{live.tokens:,} token{'' if live.tokens == 1 else 's'}"))
    if live.tokens_per_second is not None:
        segments.append((1, f"{live.tokens_per_second:.0f} tok/s"))
    if live.seconds:
        segments.append((1, f"{live.seconds:,} s"))
    return segments


def _context_segments(status: Status, n_ctx: int) -> list[tuple[int, str]]:
    """What the context of the mode at the prompt holds. A reply that is written is in that of its own mode."""
    live, told, used = status.live, status.forecast, status.used
    if live is not None and live.used is not None:
        if live.mode is status.mode:
            used = live.used
        if told is not None and live.mode is Mode.CHAT:
            told = replace(told, tokens=live.used + told.alone)
    if told is None:
        # A reply that went on when the context was full has more tokens than are still in it.
        return [(2, f"{min(used, n_ctx):,}/{n_ctx:,}")]
    segments = [(2, f"~{told.tokens:,}/{n_ctx:,}")]
    if told.is_too_long:
        segments.append((0, _TOO_LONG))
    elif told.is_full:
        segments.append((0, _FULL))
    return segments


def status_segments(status: Status) -> list[tuple[int, str]]:
    """The parts of the line, each with its rank: 0 stays longest."""
    segments = [(2, f"{GLYPHS[status.mode]} {status.mode}")]
    if status.loading is not None:
        done = round(status.loading * _BAR_CELLS)
        bar = "━" * done + "╌" * (_BAR_CELLS - done)
        return [*segments, (0, f"Loading the model {bar} {status.loading:.0%}")]
    if status.is_down or status.model is None:
        return [*segments, (0, _DOWN if status.is_down else "Starting")]
    model, stats = status.model, status.stats
    segments.append((_NAME, sanitize_line(model.name)))
    segments += _format_segments(status.format or FormatShown.of_model(model))
    if lora := _lora_text(status):
        segments.append((5, lora))
    from modechat.prompting.thinking import ThinkingSwitch

    if status.thinking is not None and model.thinking is not ThinkingSwitch.NONE:
        segments.append((3, f"thinking {'on' if status.thinking else 'off'}"))
    segments += _context_segments(status, model.n_ctx)
    if status.is_unloaded:
        segments.append((0, "unloaded until the next message"))
    elif status.activity:
        segments.append((0, status.activity))
        segments += _live_segments(status.live) if status.live is not None else []
    elif stats is not None:
        segments.append((1, f"{stats.tokens_per_second:.0f} tok/s"))
        segments.append((6, f"{stats.seconds_to_first_token:.2f} s"))
    segments.append((_DEVICE, sanitize_line(model.device)))
    return segments
