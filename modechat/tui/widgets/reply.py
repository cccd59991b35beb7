"""A reply: what the model thought, its answer as Markdown that grows while it streams, and how it ended.

Only ever appends to the Markdown widget: mixing updates and appends loses text there. Raw HTML stays text.
"""

from __future__ import annotations

import asyncio
import time
from functools import cache
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.conversation import Reply, ReplyState, StopReason, leak_note
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.widgets.thinking import ThinkingView

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SECONDS_BETWEEN_FLUSHES = 0.1
_SHARE_OF_A_CORE = 0.05  # at most, for showing a reply: where all cores compute, llama.cpp waits for what it loses
_LONGEST_REST = 0.4  # seconds, for that share
_IDLE_PER_WORK = 4  # rest this many times as long as the last flush took, so that long lists leave the core to llama


class ReplyView(Vertical):
    """Shows `reply`; a running one grows by `feed` and ends with `finish`."""

    def __init__(self, reply: Reply, *, unfold_thinking: bool = False) -> None:
        super().__init__(classes="reply")
        self._reply = reply
        self._pending: list[str] = [reply.text] if reply.text else []
        self._pending_thinking: list[str] = [reply.thinking] if reply.thinking else []
        self._thinking: ThinkingView | None = None
        self._unfold_thinking = unfold_thinking
        self._more = asyncio.Event()
        self._begun = bool(reply.text or reply.thinking) or reply.state.is_final
        self._finished = reply.state.is_final
        self._note = Static(note_on(reply), classes="note")

    def compose(self) -> ComposeResult:
        yield self._note

    def on_mount(self) -> None:
        self._note.display = bool(note_on(self._reply))
        self.run_worker(self._write(), name="reply", exit_on_error=True)

    @property
    def has_thinking(self) -> bool:
        return self._thinking is not None

    @property
    def thinking_is_open(self) -> bool:
        return self._thinking is not None and self._thinking.is_open

    def open_thinking(self, is_open: bool) -> None:
        """Unfold what the model thought, or fold it."""
        if self._thinking is not None:
            self._thinking.open(is_open)

    def feed(self, text: str, *, is_thinking: bool = False) -> None:
        """More text of the running reply."""
        self._begun = True
        (self._pending_thinking if is_thinking else self._pending).append(text)
        self._more.set()

    def show_activity(self, text: str) -> None:
        """What happens before the first text comes."""
        if not self._begun and not self._finished:
            self._note.update(Content(text))
            self._note.display = True

    def finish(self, reply: Reply) -> None:
        """The reply has ended: `reply` is its final state. All text was fed before."""
        self._reply = reply
        self._finished = True
        self._more.set()

    async def _write(self) -> None:
        """Append what was fed, in batches, until the reply has ended."""
        from textual.widgets import Markdown

        markdown = Markdown(parser_factory=_parser, open_links=False)
        await self.mount(markdown, before=self._note)
        computed = time.process_time()
        while True:
            if self._has_more and not self._finished:
                self._note.display = False
            started = time.perf_counter()
            await self._flush_thinking(markdown)
            if self._pending:
                text = sanitize("".join(self._pending))
                self._pending.clear()
                await markdown.append(text)
            cost = time.perf_counter() - started
            if self._finished and not self._has_more:
                break
            if not self._finished:
                before, computed = computed, time.process_time()  # painting is not over when the text is appended
                rest = min((computed - before) / _SHARE_OF_A_CORE, _LONGEST_REST)
                await asyncio.sleep(max(_SECONDS_BETWEEN_FLUSHES, rest, _IDLE_PER_WORK * cost))
            if not self._has_more and not self._finished:
                self._more.clear()
                await self._more.wait()
        if self._thinking is not None:
            self._thinking.end()
        self._note.update(note_on(self._reply))
        self._note.display = bool(note_on(self._reply))
        markdown.display = bool(self._reply.text)

    @property
    def _has_more(self) -> bool:
        return bool(self._pending or self._pending_thinking)

    async def _flush_thinking(self, markdown: Widget) -> None:
        if self._pending_thinking:
            text = "".join(self._pending_thinking)
            self._pending_thinking.clear()
            if self._thinking is None:
                self._thinking = ThinkingView(is_open=self._unfold_thinking)
                await self.mount(self._thinking, before=markdown)
            await self._thinking.append(text)
        if self._thinking is not None and self._pending:
            self._thinking.end()


def preload() -> None:
    """Import what shows replies. It takes as long as some tokens: better done while the model is being loaded."""
    _parser()
    from textual.widgets import Markdown  # noqa: F401


@cache
def _parser() -> MarkdownIt:
    """One for all: it keeps nothing of what it parses."""
    from markdown_it import MarkdownIt

    return MarkdownIt("gfm-like", {"html": False})


def note_on(reply: Reply) -> Content:
    """How the reply ended, if that was not the ordinary way; what it waits for, if it has not begun."""
    error = sanitize(reply.error)
    match reply.state:
        case ReplyState.WAITING:
            return Content("…")
        case ReplyState.STOPPED:
            return Content("■ stopped. /continue goes on" if reply.text else "■ stopped before the reply began")
        case ReplyState.INTERRUPTED:
            what = error or "modechat ended while it was written"
            goes_on = " /continue goes on." if reply.text else ""
            return Content(f"✂ interrupted: {what}. Ctrl+R asks again.{goes_on}")
        case ReplyState.FAILED:
            return Content.assemble(("✗ ", "$text-error"), error)
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LENGTH:
            return Content("⋯ cut: the longest reply that is allowed (max_tokens). /continue goes on")
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.CONTEXT:
            return Content("⋯ cut: the context is full. /continue goes on")
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LEAK:
            marker = sanitize_line(reply.stats.leak) if reply.stats is not None else ""
            return Content(f"✂ {leak_note(marker)} Ctrl+F tries another.")
        case ReplyState.COMPLETE if not reply.text and reply.thinking:
            return Content("The model thought, and answered nothing.")
        case ReplyState.COMPLETE if not reply.text:
            return Content("The model answered with nothing.")
        case _:
            return Content("")
