"""One column of a comparison: its label, its growing reply, its figures, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from modechat.commands.end_notes import End, end_of, note_in_column
from modechat.domain.conversation import Reply
from modechat.domain.counted import counted
from modechat.session.variants import Stage, Variant
from modechat.tui.render.replies import ReplyLines
from modechat.tui.widgets.hint_text import fitting_hints
from modechat.tui.widgets.reply import ReplyView
from modechat.tui.widgets.rows_view import ROW_COLOURS, RowColours, RowsView

if TYPE_CHECKING:
    from modechat.domain.conversation import ReplyStats

_BORDER = 4
"""Cells of the width that frame and corners take."""
_SECONDS_BETWEEN_FIGURES = 0.25
"""Painting the figures takes time from the model, so they are painted rarely."""
_SOON = 0.05
"""Seconds of writing that are too short to measure its speed."""
_MARKS = {
    End.STOPPED: "■",
    End.STOPPED_AT_ONCE: "■",
    End.FAILED: "✗",
    End.INTERRUPTED: "✗",
    End.LEAK: "✂",
    End.REPEATS: "✂",
    End.LENGTH: "⋯",
    End.CONTEXT: "⋯",
}


class CompareColumns(Horizontal, RowColours):
    """The columns of a comparison, with the colours of their rows."""

    COMPONENT_CLASSES = ROW_COLOURS


class CompareColumn(Vertical):
    @dataclass
    class Clicked(Message):
        """Tells that the user clicked on the column."""

        column: CompareColumn

    def __init__(self, number: int, label: str) -> None:
        """Show a reply under `label`, which tells the variants apart and is safe to show."""
        super().__init__(classes="column")
        self._number = number
        self._label = label
        self._variant: Variant | None = None
        self._body = VerticalScroll(can_focus=False)
        self._view = _new_view()
        self._figures_due = 0.0
        """The time of the next figures, in seconds of writing."""

    def compose(self) -> ComposeResult:
        with self._body:
            yield self._view

    def on_mount(self) -> None:
        self._body.anchor()

    @property
    def heading(self) -> str:
        """The number, the state and the label of the column, in one line."""
        mark = _mark(self._variant) if self._variant is not None else "·"
        return f"{self._number} {mark} {self._label}"

    @property
    def source(self) -> str:
        """The source of the answer, as far as it is shown."""
        return self._view.reply.source

    @property
    def body(self) -> VerticalScroll:
        """The part that scrolls."""
        return self._body

    @property
    def has_more(self) -> bool:
        """True if text came that is not shown yet."""
        return self._view.reply.has_more

    def show(self, variant: Variant) -> None:
        """Show the variant after a change other than new text."""
        before, self._variant = self._variant, variant
        had_ended = before is not None and before.stage is Stage.ENDED
        if variant.stage is not Stage.ENDED:
            if had_ended:
                self._begin_again()
            self._view.show_activity(_activity(variant))
        elif not had_ended:
            self._view.finish(variant.reply)
        self._show_figures()

    def grow(self, variant: Variant, text: str, *, is_thinking: bool) -> None:
        """Add text to the reply."""
        self._variant = variant
        self._view.feed(text, is_thinking=is_thinking)
        if variant.seconds >= self._figures_due:
            self._figures_due = variant.seconds + _SECONDS_BETWEEN_FIGURES
            self._show_figures()

    def toggle_thinking(self) -> None:
        if self._view.has_thinking:
            self._view.open_thinking(not self._view.thinking_is_open)

    def _begin_again(self) -> None:
        """Show a new reply, because the model is asked again."""
        old, self._view = self._view, _new_view()
        self._figures_due = 0.0
        old.remove()
        self._body.mount(self._view)
        self._body.anchor()

    def _show_figures(self) -> None:
        self.border_title = Content(self.heading)
        if self._variant is not None:
            width = self.size.width - _BORDER
            self.border_subtitle = Content(fitting_hints(figures(self._variant), width))

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
    """Return the progress, or in the end the figures of the reply.

    The most important comes first.
    """
    stats = variant.reply.stats
    if stats is not None:
        return _final_figures(stats)
    if variant.stage is Stage.WRITING:
        tokens = counted(variant.n_tokens, "token")
        if variant.seconds <= _SOON:
            return (tokens,)
        return tokens, f"{variant.n_tokens / variant.seconds:.0f}/s"
    if variant.stage is not Stage.ENDED:
        return (_activity(variant),)
    if end_of(variant.reply) in (End.FAILED, End.INTERRUPTED):
        return ("✗ failed",)
    return (note_in_column(variant.reply),)


def _final_figures(stats: ReplyStats) -> tuple[str, ...]:
    return (
        counted(stats.completion_tokens, "token"),
        f"{stats.tokens_per_second:.1f}/s",
        f"first {stats.seconds_to_first_token:.1f} s",
        f"prompt {stats.prompt_tokens:,}",
    )


def _activity(variant: Variant) -> str:
    """Return what the variant does before its first text comes."""
    match variant.stage:
        case Stage.LOADING:
            return f"loading the model · {variant.fraction:.0%}"
        case Stage.READING if 0 < variant.fraction < 1:
            return f"reading the prompt · {variant.fraction:.0%}"
        case Stage.READING:
            return "…"
        case _:
            return "waiting"


def _mark(variant: Variant) -> str:
    """Return the state of the variant as one character."""
    if variant.stage is Stage.WAITING:
        return "·"
    if variant.stage is not Stage.ENDED:
        return "▸"
    return _MARKS.get(end_of(variant.reply), "✓")


def _new_view() -> ReplyView:
    return ReplyView(ReplyLines(Reply(), end_note=note_in_column))
