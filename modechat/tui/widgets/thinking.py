"""What a reasoning model thought before it answered: one line, which opens. Plain text, never markup."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from modechat.domain.text import sanitize

_PIECE = 2000
"""Characters. Each piece has a widget of its own, because an update lays out the whole widget again."""


class _Heading(Static):
    """The line that opens and closes; the view knows when it is clicked."""


class ThinkingView(Vertical):
    """Grows by `append` until `end`. Shows a count of words, and the text itself while it is open."""

    def __init__(self, *, is_open: bool) -> None:
        super().__init__(classes="thinking")
        self._is_open = is_open
        self._ended = False
        self._words = 0
        self._in_word = False
        self._heading = _Heading(classes="heading")
        self._body = Vertical(classes="body")
        self._last = ""

    def compose(self) -> ComposeResult:
        yield self._heading
        yield self._body

    def on_mount(self) -> None:
        self._refresh()

    @property
    def is_open(self) -> bool:
        return self._is_open

    def open(self, is_open: bool) -> None:
        self._is_open = is_open
        self._refresh()

    async def append(self, text: str) -> None:
        """More of the thinking."""
        text = sanitize(text)
        self._count(text)
        pieces = _pieces(self._last + text)
        if self._last:
            first, *pieces = pieces
            list(self._body.query_children(Static))[-1].update(Content(first))
            self._last = first
        if pieces:
            await self._body.mount(*(Static(Content(piece)) for piece in pieces))
            self._last = pieces[-1]
        self._refresh()

    def end(self) -> None:
        """It has thought; the answer comes."""
        if not self._ended:
            self._ended = True
            self._refresh()

    def on_click(self, event: events.Click) -> None:
        if event.widget is self._heading:
            event.stop()
            self.open(not self._is_open)

    def _count(self, text: str) -> None:
        if not text:
            return
        continues = self._in_word and not text[0].isspace()
        self._words += len(text.split()) - (1 if continues else 0)
        self._in_word = not text[-1].isspace()

    def _refresh(self) -> None:
        arrow = "▾" if self._is_open else "▸"
        count = f"{self._words:,} word{'' if self._words == 1 else 's'}"
        self._heading.update(Content(f"{arrow} Thought · {count}" if self._ended else f"{arrow} Thinking… {count}"))
        self._body.display = self._is_open


def _pieces(text: str) -> list[str]:
    """`text` cut at the ends of lines into pieces of about the size that a widget lays out quickly."""
    pieces: list[str] = []
    while len(text) > _PIECE and (end := text.find("\n", _PIECE)) >= 0:
        pieces.append(text[:end])
        text = text[end + 1 :]
    return [*pieces, text] if text else pieces
