"""The log screen: the last lines of the engine's log, and the errors of modechat.

It only shows text: nothing in the log can act on the program or the terminal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from enum import Enum
from functools import partial
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.counted import counted
from modechat.domain.text import sanitize_line
from modechat.log_tail import LogTail
from modechat.session.events import Trouble
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import HELP
from modechat.tui.screens.lines_dialog import LinesDialog
from modechat.tui.screens.list_dialog import matches

_MOST_LINES = 1500
_SECONDS_BETWEEN_LOOKS = 0.5
_INDENT = " " * 10  # the width of a time and the gap after it

Troubles = Callable[[], Iterable[tuple[datetime, Trouble]]]


class Source(Enum):
    ENGINE = "the engine's log"
    TROUBLES = "what went wrong"

    @property
    def other(self) -> Source:
        return Source.TROUBLES if self is Source.ENGINE else Source.ENGINE


class LogScreen(LinesDialog):
    HEADING = "Log"
    OPENED_BY = "show_log"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Letters", "Show only lines with these words"),
        ("Tab", "Change between the engine's log and what went wrong in modechat"),
        ("Up, Down, Page Up, Page Down", "Scroll; at the end, new lines come into view"),
        ("Ctrl+Home, Ctrl+End", "Go to the first line, or to the end"),
        ("Ctrl+Y", "Copy the lines that are shown"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "other", show=False, priority=True),
        Binding("ctrl+y", "copy", show=False, priority=True),
    ]

    def __init__(self, tail: LogTail, troubles: Troubles) -> None:
        super().__init__("Type to filter", follows=True)
        self._tail = tail
        self._troubles = troubles
        self._source = Source.ENGINE
        self._log: deque[str] = deque(maxlen=_MOST_LINES)
        self._shown: list[str] = []

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self.filter
            yield self.lines
            yield self.said

    def on_mount(self) -> None:
        self._show_source()
        self._show()
        run_newest(self, self._follow)

    async def _follow(self) -> None:
        while True:
            await self._read()
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)

    async def _read(self) -> None:
        lines, is_new = await run_in_daemon_thread(self._tail.read)
        if is_new:
            self._log.clear()
        self._log.extend(sanitize_line(line) for line in lines)
        if lines or is_new or self._source is Source.TROUBLES:
            self._show()

    def _show(self) -> None:
        words = self.filter.value
        before = self._shown
        self._shown = [line for line in self._all_lines() if matches(words, line)]
        if self._shown != before or not before:
            self.lines.show(partial(_folded_lines, self._shown))
        self.say(self._count())

    def _show_source(self) -> None:
        self.show_heading(f"Log · {self._source.value}")
        self.show_hints(
            f"Tab {self._source.other.value}", "^Y copies", "Esc closes", "type to filter", HELP
        )

    def _count(self) -> str:
        """Return a line with the number of lines and their source."""
        if self._source is Source.ENGINE:
            place = sanitize_line(str(self._tail.path))
        else:
            place = "since modechat was started"
        if self._shown:
            return f"{counted(len(self._shown), 'line')} · {place}"
        if self.filter.value:
            return "No line has these words."
        return f"Nothing yet · {place}"

    def _all_lines(self) -> Iterable[str]:
        if self._source is Source.ENGINE:
            yield from self._log
            return
        for when, trouble in self._troubles():
            for line in trouble_lines(when, trouble):
                yield sanitize_line(line)

    def action_other(self) -> None:
        self._source = self._source.other
        self._show_source()
        self.filtered(self.filter.value)

    def action_copy(self) -> None:
        self.app.copy_to_clipboard("\n".join(self._shown))

    def filtered(self, text: str) -> None:  # noqa: ARG002
        self._show()
        self.lines.scroll_end(animate=False)


def _folded_lines(lines: Sequence[str], width: int) -> list[Content]:
    return [Content(part) for line in lines for part in folded(line, width)]


def folded(line: str, width: int) -> list[str]:
    """Cut `line` into parts of at most `width` cells."""
    if cell_len(line) <= width:
        return [line]
    return chop_cells(line, width)


def trouble_lines(when: datetime, trouble: Trouble) -> list[str]:
    """Return the title with its time; below it, indented, the hint and the log lines."""
    time = when.astimezone().strftime("%H:%M:%S")
    below = (*trouble.hint.splitlines(), *trouble.details)
    return [f"{time}  {trouble.title}", *(f"{_INDENT}{line}" for line in below)]
