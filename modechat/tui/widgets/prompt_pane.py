"""A pane of the inspector: figures about the prompt of one mode, and the prompt below them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widgets import Static

from modechat.domain.mode import Mode
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.mode_label import GLYPHS, mode_class
from modechat.tui.prompt_lines import LAYOUTS, Kind, Layout, Line
from modechat.tui.widgets.line_view import DrawnLines

if TYPE_CHECKING:
    from modechat.engine.prompt_view import PromptView

_PART_COLOURS = {
    "system": "$warning",
    "user": "$primary",
    "assistant": "$success",
    "instruction": "$accent",
    "input": "$secondary",
    "example": "$error",
    "prefill": "$success",
}
_OTHER_COLOUR = "dim"


class PromptLines(DrawnLines[Line]):
    """Draws the lines of a prompt."""

    COMPONENT_CLASSES = {f"prompt-lines--{kind}" for kind in Kind}

    def __init__(self) -> None:
        super().__init__("prompt-lines")

    @property
    def drawn_width(self) -> int:
        return self.size.width

    def show_prompt(self, view: PromptView, layout: Layout) -> None:
        """Show a prompt from its beginning on."""
        self.show(partial(LAYOUTS[layout], view))
        self.scroll_to(0, 0, animate=False)

    def strip_of(self, line: Line, width: int) -> Strip:
        segments: list[Segment] = []
        for text, kind in line:
            style = self.get_component_rich_style(f"prompt-lines--{kind}")
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)


class PromptPane(Vertical):
    """The prompt of one mode, or the reason why there is none."""

    def __init__(self, mode: Mode) -> None:
        super().__init__(classes=f"pane {mode_class(mode)}")
        self.mode = mode
        self.view: PromptView | None = None
        self._n_ctx = 0
        self._figures = Static(classes="figures")
        self._message = Static(classes="message")
        self.lines = PromptLines()

    def compose(self) -> ComposeResult:
        yield self._figures
        yield self._message
        yield self.lines

    def on_mount(self) -> None:
        self.show_message("")

    def on_resize(self) -> None:
        self._refresh_figures()

    def show_message(self, text: str) -> None:
        """Show `text` in place of the prompt."""
        self.view = None
        self._message.update(Content(sanitize(text)))
        self._message.display = True
        self.lines.display = False
        self._refresh_figures()

    def show_prompt(self, view: PromptView, n_ctx: int, layout: Layout) -> None:
        self.view, self._n_ctx = view, n_ctx
        self._message.display = False
        self.lines.display = True
        self.lines.show_prompt(view, layout)
        self._refresh_figures()

    def show_layout(self, layout: Layout) -> None:
        if self.view is not None:
            self.lines.show_prompt(self.view, layout)

    def _refresh_figures(self) -> None:
        title = (f"{GLYPHS[self.mode]} {self.mode}", "bold")
        if self.view is None:
            self._figures.update(Content.assemble(title))
        else:
            about = figures(self.view, self._n_ctx, self.size.width)
            self._figures.update(Content.assemble(title, about))


def figures(view: PromptView, n_ctx: int, width: int) -> Content:
    """Return the lines about a prompt: its format, its tokens by part, and texts with an effect."""
    total = len(view.tokens)
    counts = count_parts(view)
    format_name, fallback = sanitize_line(view.format), sanitize_line(view.fallback)
    rows = [
        Content(f" · {format_name} ({view.format_source}) · {fallback}"),
        Content.styled(f"{total:,} of {n_ctx:,} tokens", "$text-error" if total >= n_ctx else ""),
        _bar_row(counts, width),
        _counts_row(counts),
    ]
    if view.neutralised:
        shown = " ".join(map(sanitize_line, dict.fromkeys(view.neutralised)))
        rows.append(Content.styled(f"◇ sent as plain text: {shown}", "$text-warning"))
    if view.stop:
        stops = "  ".join(repr(sanitize(text))[1:-1] for text in view.stop)
        rows.append(Content.styled(f"the reply ends at: {stops}", _OTHER_COLOUR))
    return Content("\n").join(rows)


def _bar_row(counts: dict[str, int], width: int) -> Content:
    row = Content("")
    for name, cells in bar(counts, width):
        row += Content.styled("━" * cells, _colour(name))
    return row


def _counts_row(counts: dict[str, int]) -> Content:
    parts: list[Content] = []
    for name, count in counts.items():
        parts.append(Content.styled(f"{name} {count:,}", _colour(name)))
    return Content(" · ").join(parts)


def count_parts(view: PromptView) -> dict[str, int]:
    """Return the numbers of tokens by part, in the order of the parts; the template's is last."""
    counts: dict[str, int] = {}
    for name, count in view.parts:
        counts[name] = counts.get(name, 0) + count
    template = counts.pop("template", 0)
    if template:
        counts["template"] = template
    return counts


def bar(counts: dict[str, int], width: int) -> list[tuple[str, int]]:
    """Return the cells of each part: at least one each, and `width` together if possible."""
    total = sum(counts.values())
    cells: dict[str, int] = {}
    for name, count in counts.items():
        if count > 0:
            cells[name] = max(1, round(width * count / total))
    while cells:
        excess = sum(cells.values()) - width
        largest = max(cells, key=cells.__getitem__)
        if excess == 0 or (excess > 0 and cells[largest] == 1):
            break
        cells[largest] -= 1 if excess > 0 else -1
    return list(cells.items())


def _colour(name: str) -> str:
    return _PART_COLOURS.get(name, _OTHER_COLOUR)
