"""One column of a comparison: what is different in it, its reply as it comes, its figures, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from modechat.domain.conversation import Reply, ReplyState, StopReason, leak_note, repetition_note
from modechat.domain.text import sanitize, sanitize_line
from modechat.session.variants import Stage, Variant
from modechat.tui.render.replies import ReplyLines
from modechat.tui.widgets.hint_text import fitting_hints
from modechat.tui.widgets.reply import ReplyView
from modechat.tui.widgets.rows_view import ROW_COLOURS, RowColours, RowsView

if TYPE_CHECKING:
    from modechat.domain.conversation import ReplyStats

_BORDER = 4  # cells that frame and corners take of the width
_SECONDS_BETWEEN_FIGURES = 0.25  # what repaints them is taken from the model
_SOON = 0.05  # seconds of writing that say nothing about its speed


class CompareColumns(Horizontal, RowColours):
    """The columns, with the colours of what is in them."""

    COMPONENT_CLASSES = ROW_COLOURS


class CompareColumn(Vertical):
    @dataclass
    class Clicked(Message):
        """The user pointed at the column."""

        column: CompareColumn

    def __init__(self, number: int, label: str) -> None:
        """`label` says what is different in it, and is safe to show."""
        super().__init__(classes="column")
        self._number = number
        self._label = label
        self._variant: Variant | None = None
        self._body = VerticalScroll(can_focus=False)
        self._view = _new_view()
        self._figures_due = 0.0
        """In seconds of writing."""

    def compose(self) -> ComposeResult:
        with self._body:
            yield self._view

    def on_mount(self) -> None:
        self._body.anchor()

    @property
    def heading(self) -> str:
        """Its number, how it goes, and what is different in it: in one line."""
        mark = _mark(self._variant) if self._variant is not None else "·"
        return f"{self._number} {mark} {self._label}"

    @property
    def source(self) -> str:
        """The answer as the model wrote it, as far as it is shown."""
        return self._view.reply.source

    @property
    def body(self) -> VerticalScroll:
        """What scrolls."""
        return self._body

    @property
    def has_more(self) -> bool:
        """Whether something came that is not shown yet."""
        return self._view.reply.has_more

    def show(self, variant: Variant) -> None:
        """Something other than its growing text changed."""
        before, self._variant = self._variant, variant
        if before is not None and before.stage is Stage.ENDED and variant.stage is not Stage.ENDED:
            self._begin_anew()
        if variant.stage is Stage.ENDED:
            if before is None or before.stage is not Stage.ENDED:
                self._view.finish(variant.reply)
        else:
            self._view.show_activity(_activity(variant))
        self._show_figures()

    def grow(self, variant: Variant, text: str, *, is_thinking: bool) -> None:
        self._variant = variant
        self._view.feed(text, is_thinking=is_thinking)
        if variant.seconds >= self._figures_due:
            self._figures_due = variant.seconds + _SECONDS_BETWEEN_FIGURES
            self._show_figures()

    def toggle_thinking(self) -> None:
        if self._view.has_thinking:
            self._view.open_thinking(not self._view.thinking_is_open)

    def _begin_anew(self) -> None:
        """It is asked once more."""
        old, self._view = self._view, _new_view()
        self._figures_due = 0.0
        old.remove()
        self._body.mount(self._view)
        self._body.anchor()

    def _show_figures(self) -> None:
        self.border_title = Content(self.heading)
        if self._variant is not None:
            self.border_subtitle = Content(
                fitting_hints(figures(self._variant), self.size.width - _BORDER)
            )

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        self._show_figures()

    def on_click(self) -> None:
        self.post_message(self.Clicked(self))

    @on(RowsView.Clicked)
    def _row_clicked(self, message: RowsView.Clicked) -> None:
        message.stop()
        if message.row < self._view.reply.n_thinking_rows:
            self.toggle_thinking()
        self.post_message(self.Clicked(self))


def figures(variant: Variant) -> tuple[str, ...]:
    """How far it is; in the end its figures. What matters most first."""
    stats = variant.reply.stats
    if stats is not None:
        return _final_figures(stats)
    if variant.stage is Stage.WRITING:
        tokens = _tokens(variant.n_tokens)
        return (
            (tokens, f"{variant.n_tokens / variant.seconds:.0f}/s")
            if variant.seconds > _SOON
            else (tokens,)
        )
    return (
        _activity(variant)
        if variant.stage is not Stage.ENDED
        else how_it_ended(variant.reply, short=True),
    )


def _final_figures(stats: ReplyStats) -> tuple[str, ...]:
    figures = [
        _tokens(stats.completion_tokens),
        f"{stats.tokens_per_second:.1f}/s",
        f"first {stats.seconds_to_first_token:.1f} s",
        f"prompt {stats.prompt_tokens:,}",
    ]
    return tuple(figures)


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"


def _activity(variant: Variant) -> str:
    match variant.stage:
        case Stage.LOADING:
            return f"loading the model · {variant.fraction:.0%}"
        case Stage.READING:
            return (
                f"reading the prompt · {variant.fraction:.0%}" if 0 < variant.fraction < 1 else "…"
            )
        case _:
            return "waiting"


def _mark(variant: Variant) -> str:
    """How it goes, in one character."""
    if variant.stage is not Stage.ENDED:
        return "·" if variant.stage is Stage.WAITING else "▸"
    match variant.reply.state:
        case ReplyState.STOPPED:
            return "■"
        case ReplyState.FAILED | ReplyState.INTERRUPTED:
            return "✗"
        case _ if variant.reply.stop_reason in (StopReason.LEAK, StopReason.REPEATS):
            return "✂"
        case _ if variant.reply.stop_reason in (StopReason.LENGTH, StopReason.CONTEXT):
            return "⋯"
        case _:
            return "✓"


def how_it_ended(reply: Reply, *, short: bool = False) -> str:
    """If that was not the ordinary way; what it waits for, if it has not begun."""
    match reply.state:
        case ReplyState.WAITING:
            return "waiting"
        case ReplyState.STOPPED:
            return "■ stopped" if reply.text else "■ stopped before it began"
        case ReplyState.FAILED | ReplyState.INTERRUPTED:
            return "✗ failed" if short else f"✗ {sanitize(reply.error)}"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LENGTH:
            return "⋯ cut: as long as a reply may be here (max_tokens). Once it is kept, /continue goes on"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.CONTEXT:
            return "⋯ cut: the context is full"
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LEAK:
            return (
                f"✂ {leak_note(sanitize_line(reply.stats.leak) if reply.stats is not None else '')}"
            )
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.REPEATS:
            return f"✂ {repetition_note(reply.stats)}"
        case ReplyState.COMPLETE if not reply.text:
            return "The model answered nothing."
        case _:
            return ""


def _new_view() -> ReplyView:
    return ReplyView(ReplyLines(Reply(), how_it_ended=how_it_ended))
