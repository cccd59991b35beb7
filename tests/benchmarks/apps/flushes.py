"""What it costs to show some more of a long reply: ours, or Textual's Markdown.

Arguments: `ours` or `stock`, the kind of text, the file for the results, and the lengths in tokens
at which to measure.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from itertools import islice
from pathlib import Path

from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Markdown, TextArea

from modechat.domain.conversation import Reply
from modechat.tui.render.replies import ReplyLines
from modechat.tui.widgets.reply import ReplyView
from modechat.tui.widgets.rows_view import ROW_COLOURS, RowColours
from tests.benchmarks.texts import KINDS

_TOKENS_PER_FLUSH = 3
"""30 tokens a second, ten flushes a second."""
_FLUSHES = 40
_SECONDS_TO_PAINT = 0.05


class Ours(VerticalScroll, RowColours):
    COMPONENT_CLASSES = ROW_COLOURS
    DEFAULT_CSS = "Ours { layout: stream; }"


class Flushes(App[None]):
    def __init__(self, whose: str, kind: str, results: Path, lengths: list[int]) -> None:
        super().__init__()
        self.animation_level = "none"
        self._tokens = KINDS[kind]()
        self._results = results
        self._lengths = lengths
        self._ours = ReplyView(ReplyLines(Reply()))
        self._stock = Markdown()
        self._is_ours = whose == "ours"
        self._scroll = Ours() if self._is_ours else VerticalScroll()

    def compose(self) -> ComposeResult:
        with self._scroll:
            yield self._ours if self._is_ours else self._stock
        yield TextArea()

    def on_ready(self) -> None:
        self._scroll.anchor()
        self.run_worker(self._measure())

    async def _add(self, text: str) -> None:
        if self._is_ours:
            self._ours.reply.feed(text)
            while self._ours.reply.has_more:  # much text is shown in parts
                self._ours.reply.flush()
            self._ours.lines_changed()
        else:
            await self._stock.append(text)
        await asyncio.sleep(_SECONDS_TO_PAINT)

    async def _measure(self) -> None:
        length = 0
        seconds: dict[int, float] = {}
        for wanted in self._lengths:
            await self._add("".join(islice(self._tokens, wanted - length)))
            await asyncio.sleep(1)
            costs = []
            for _ in range(_FLUSHES):
                before = time.process_time()
                await self._add("".join(islice(self._tokens, _TOKENS_PER_FLUSH)))
                costs.append(time.process_time() - before)
            length = wanted + _FLUSHES * _TOKENS_PER_FLUSH
            seconds[wanted] = statistics.mean(costs)
        self._results.write_text(json.dumps(seconds))
        self.exit()


if __name__ == "__main__":
    Flushes(
        sys.argv[1], sys.argv[2], Path(sys.argv[3]), [int(length) for length in sys.argv[4:]]
    ).run()
