"""The status line: model, format, context, speed.

Segments without room are left out, the least important first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.widget import Widget

from modechat.domain.counted import counted
from modechat.domain.mode import Mode
from modechat.domain.text import sanitize_line
from modechat.tui.mode_label import GLYPHS

if TYPE_CHECKING:
    from modechat.domain.context import Forecast
    from modechat.domain.conversation import ReplyStats
    from modechat.engine.protocol import Adapter, ModelInfo
    from modechat.tui.live_meter import Live

_SEPARATOR = " · "
_WARNING = "$text-warning"
_BAR_CELLS = 10
_SHORT_NAME = 12
"""The least cells that the name of the model keeps."""
_LONGEST_FALLBACK = 32
"""The most cells of the format's fallback."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the status line."""

    rank: int
    """If the line is too long, the segment with the highest rank is left out first."""
    text: str
    style: str = ""
    is_mode: bool = False
    short: str = ""
    """A shorter text for a line that is too long."""
    can_be_cut: bool = False


@dataclass(frozen=True, slots=True)
class FormatShown:
    """A prompt format and its source.

    `fallback` is what the format needed for the last prompt; empty: not known.
    """

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
    """The contents of the status line.

    `activity`, if there is one, takes the place of the last reply's figures.
    """

    mode: Mode = Mode.CHAT
    model: ModelInfo | None = None
    loading: float | None = None
    """Fraction of the model that is loaded; None if it is not being loaded."""
    activity: str = ""
    live: Live | None = None
    """Figures of the reply that is awaited or written."""
    stats: ReplyStats | None = None
    used: int = 0
    """Tokens of the chat, to which the next message is added; or of the last instruct task."""
    format: FormatShown | None = None
    """The format of the last reply, or of the model if that changed since."""
    thinking: bool | None = None
    """The user's choice; None if there is none."""
    adapters: tuple[Adapter, ...] = ()
    """The LoRA adapters of both modes."""
    forecast: Forecast | None = None
    """The fill of the context with the text at the prompt; None if nothing is typed."""
    is_down: bool = False
    is_unloaded: bool = False
    """True if the model's memory is freed until the next message."""


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
        segments = fit(status_segments(self._status), self.size.width)
        return painted(segments, is_ansi=self.app.current_theme.ansi)


def painted(segments: Sequence[Segment], *, is_ansi: bool = False) -> Content:
    """Return the line in its colours.

    `is_ansi`: the terminal has sixteen colours. None of them is muted, so everything but the mode
    is dim.
    """
    line = Content("")
    for segment in segments:
        part = Content(segment.text)
        if line:
            part = Content(_SEPARATOR) + part
        if segment.style:
            part = part.stylize(segment.style, len(part) - len(segment.text))
        if is_ansi and not segment.is_mode:
            part = part.stylize("dim")
        line += part
    return line


def fit(segments: Sequence[Segment], width: int) -> list[Segment]:
    """Return the segments that fit into `width` cells.

    If the line is too long, segments with a shorter text take that, then the name of the model is
    cut. If that is not enough, the segment with the highest rank is left out.
    """
    shown = list(segments)
    excess = cell_len(_SEPARATOR.join(segment.text for segment in shown)) - width
    if excess <= 0:
        return shown
    if len(shown) == 1:
        return [replace(shown[0], text=set_cell_size(shown[0].text, width))]
    for index, segment in enumerate(shown):
        if segment.short:
            shown[index] = replace(segment, text=segment.short, short="")
            return fit(shown, width)
    for index, segment in enumerate(shown):
        cells = cell_len(segment.text) - excess
        if segment.can_be_cut and cells >= _SHORT_NAME:
            shown[index] = replace(segment, text=_cut(segment.text, cells))
            return shown
    shown.remove(max(shown, key=attrgetter("rank")))
    return fit(shown, width)


def _cut(text: str, cells: int) -> str:
    return f"{set_cell_size(text, cells - 1).rstrip()}…"


def _format_segments(used: FormatShown) -> list[Segment]:
    from modechat.prompting.prompt_format import AS_IS  # not imported before the first frame

    segments = [Segment(5, f"{sanitize_line(used.name)} ({sanitize_line(used.source)})")]
    if used.fallback not in ("", AS_IS):
        fallback = sanitize_line(used.fallback)
        if cell_len(fallback) > _LONGEST_FALLBACK:
            fallback = _cut(fallback, _LONGEST_FALLBACK)
        segments.append(Segment(7, fallback))
    return segments


def _lora_text(status: Status) -> str:
    """Return the name of the first adapter of this mode, and the number of further ones."""
    from modechat.domain.lora import lora_label

    applied = [one for one in status.adapters if one.mode in (None, status.mode.value)]
    if not applied:
        return ""
    text = f"lora {sanitize_line(lora_label(applied[0].path, applied[0].scale))}"
    if len(applied) > 1:
        text += f" +{len(applied) - 1}"
    return text


def _live_segments(live: Live) -> list[Segment]:
    segments: list[Segment] = []
    if live.tokens:
        segments.append(Segment(2, counted(live.tokens, "token")))
    if live.tokens_per_second is not None:
        segments.append(Segment(1, f"{live.tokens_per_second:.0f} tok/s"))
    if live.seconds:
        segments.append(Segment(1, f"{live.seconds:,} s"))
    return segments


def _context_segments(status: Status, n_ctx: int) -> list[Segment]:
    """Return how full the context of the mode at the prompt is.

    A running reply is in the context of its own mode.
    """
    live, forecast, used = status.live, status.forecast, status.used
    if live is not None and live.used is not None:
        if live.mode is status.mode:
            used = live.used
        if forecast is not None and live.mode is Mode.CHAT:
            forecast = replace(forecast, tokens=live.used + forecast.alone)
    if forecast is None:
        # A reply that shifted a full context has more tokens than are still in it.
        return [Segment(2, f"{min(used, n_ctx):,}/{n_ctx:,}")]
    segments = [Segment(2, f"~{forecast.tokens:,}/{n_ctx:,}")]
    if forecast.is_too_long:
        segments.append(Segment(0, "too long: this message alone does not fit", _WARNING))
    elif forecast.is_full:
        segments.append(Segment(0, "full: the oldest turns leave with this message", _WARNING))
    return segments


def status_segments(status: Status) -> list[Segment]:
    """Return the segments of the line."""
    colour = "$text-primary" if status.mode is Mode.CHAT else "$text-accent"
    mode = Segment(2, f"{GLYPHS[status.mode]} {status.mode}", colour, is_mode=True)
    if status.loading is not None:
        done = round(status.loading * _BAR_CELLS)
        bar = "━" * done + "╌" * (_BAR_CELLS - done)
        return [mode, Segment(0, f"Loading the model {bar} {status.loading:.0%}")]
    if status.is_down:
        return [mode, Segment(0, "No model is loaded", _WARNING)]
    if status.model is None:
        return [mode, Segment(0, "Starting")]
    return [
        mode,
        *_model_segments(status, status.model),
        *_context_segments(status, status.model.n_ctx),
        *_activity_segments(status),
        _device_segment(status.model),
    ]


def _model_segments(status: Status, model: ModelInfo) -> list[Segment]:
    """Return the model, its prompt format, adapters and thinking."""
    from modechat.prompting.thinking import ThinkingSwitch

    segments = [Segment(3, sanitize_line(model.name), can_be_cut=True)]
    segments += _format_segments(status.format or FormatShown.of_model(model))
    lora = _lora_text(status)
    if lora:
        segments.append(Segment(5, lora))
    if status.thinking is not None and model.thinking is not ThinkingSwitch.NONE:
        segments.append(Segment(3, "thinking on" if status.thinking else "thinking off"))
    return segments


def _activity_segments(status: Status) -> list[Segment]:
    """Return what the model does now, with figures; or the figures of the last reply."""
    if status.is_unloaded:
        return [Segment(0, "unloaded until the next message")]
    if status.activity:
        segments = [Segment(0, status.activity)]
        if status.live is not None:
            segments += _live_segments(status.live)
        return segments
    stats = status.stats
    if stats is None:
        return []
    return [
        Segment(1, f"{stats.tokens_per_second:.0f} tok/s"),
        Segment(6, f"{stats.seconds_to_first_token:.2f} s"),
    ]


def _device_segment(model: ModelInfo) -> Segment:
    """Return where the model runs. A short line leaves out the reason why no GPU is used."""
    if model.placement.why_cpu is None:
        return Segment(4, model.placement.badge)
    return Segment(4, str(model.placement), short=model.placement.badge)
