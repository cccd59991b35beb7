"""The log screen: the last lines of the engine's log, and what went wrong in the program itself. Nothing in it acts."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from modechat.domain.text import sanitize_line
from modechat.log_tail import LogTail
from modechat.session.events import Trouble
from modechat.tui.screens.dialog import Dialog
from modechat.tui.screens.list_dialog import matches
from modechat.tui.widgets.line_view import LineView

_MOST_LINES = 1500
_SECONDS_BETWEEN_LOOKS = 0.5

Troubles = Callable[[], Iterable[tuple[datetime, Trouble]]]


class Source(Enum):
    ENGINE = "the engine's log"
    TROUBLES = "what went wrong"

    @property
    def other(self) -> Source:
        return Source.TROUBLES if self is Source.ENGINE else Source.ENGINE


class LogScreen(Dialog[None]):
    HEADING = "Log"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only lines with these words"),
        ("Tab", "Change between the engine's log and what went wrong in modechat"),
        ("Up, Down, Page Up, Page Down", "Scroll; at its end the log is followed"),
        ("Ctrl+Home, Ctrl+End", "Go to the first line, or to the end"),
        ("Ctrl+Y", "Copy the lines that are shown"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f12", "close", show=False, priority=True),
        Binding("tab,shift+tab", "other", show=False, priority=True),
        Binding("ctrl+y", "copy", show=False, priority=True),
        Binding("up", "scroll('up')", show=False),
        Binding("down", "scroll('down')", show=False),
        Binding("pageup", "scroll('page_up')", show=False),
        Binding("pagedown", "scroll('page_down')", show=False),
        Binding("ctrl+home", "scroll('home')", show=False),
        Binding("ctrl+end", "scroll('end')", show=False),
    ]

    def __init__(self, tail: LogTail, troubles: Troubles) -> None:
        super().__init__()
        self._tail = tail
        self._troubles = troubles
        self._source = Source.ENGINE
        self._log: deque[str] = deque(maxlen=_MOST_LINES)
        self._shown: list[str] = []
        self._timer: Timer | None = None
        self._filter = Input(placeholder="Type to filter", compact=True, classes="filter")
        self._lines = LineView(follows=True)
        self._said = Static(classes="said")

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._filter
            yield self._lines
            yield self._said

    def on_mount(self) -> None:
        self._filter.focus()
        self._show()
        self._timer = self.set_interval(_SECONDS_BETWEEN_LOOKS, self._look)
        self._look()

    def _look(self) -> None:
        self.run_worker(self._read(), group="read", exclusive=True)

    async def _read(self) -> None:
        lines, is_new = await asyncio.to_thread(self._tail.read)
        if is_new:
            self._log.clear()
        self._log.extend(sanitize_line(line) for line in lines)
        if lines or is_new or self._source is Source.TROUBLES:
            self._show()

    def _show(self) -> None:
        words = self._filter.value
        before = self._shown
        self._shown = [line for line in self._all_lines() if matches(words, line)]
        if self._shown != before or not before:
            shown = self._shown
            self._lines.show(
                lambda width: [Content(part) for line in shown for part in folded(line, width)]
            )
        self.show_heading(f"Log · {self._source.value}")
        self.show_hints(
            "Tab " + self._source.other.value,
            "^Y copies",
            "Esc closes",
            "type to filter",
            "F1 help",
        )
        self._say()

    def _say(self) -> None:
        place = (
            sanitize_line(str(self._tail.path))
            if self._source is Source.ENGINE
            else "since modechat was started"
        )
        if self._shown:
            text = f"{len(self._shown):,} line{'' if len(self._shown) == 1 else 's'} · {place}"
        elif self._filter.value:
            text = "No line has these words."
        else:
            text = f"Nothing yet · {place}"
        self._said.update(Content(text))

    def _all_lines(self) -> Iterable[str]:
        if self._source is Source.ENGINE:
            return self._log
        return (
            sanitize_line(line)
            for when, trouble in self._troubles()
            for line in trouble_lines(when, trouble)
        )

    def action_other(self) -> None:
        self._source = self._source.other
        self._show()
        self._lines.scroll_end(animate=False)

    def action_scroll(self, where: str) -> None:
        getattr(self._lines, f"scroll_{where}")(animate=False)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._shown))
        self._said.update(Content("Sent to the clipboard, if the terminal allows it."))

    @on(Input.Changed)
    def _filter_changed(self) -> None:
        self._show()
        self._lines.scroll_end(animate=False)


def folded(line: str, width: int) -> list[str]:
    """`line` in parts of at most `width` cells."""
    if cell_len(line) <= width:
        return [line]
    return chop_cells(line, width)


def trouble_lines(when: datetime, trouble: Trouble) -> list[str]:
    """The title with its time, then what to do and the log lines, indented."""
    first = f"{when.astimezone().strftime('%H:%M:%S')}  {trouble.title}"
    return [
        first,
        *(f"          {line}" for line in (*trouble.hint.splitlines(), *trouble.details)),
    ]
