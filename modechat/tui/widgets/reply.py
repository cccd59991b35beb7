"""A reply: Markdown that grows while it streams, and a line about how it ended.

Only ever appends to the Markdown widget: mixing updates and appends loses text there. Raw HTML stays text.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from modechat.domain.conversation import Reply, ReplyState, StopReason
from modechat.domain.text import sanitize

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_SECONDS_BETWEEN_FLUSHES = 0.1
_IDLE_PER_WORK = 4  # rest this many times as long as the last flush took, so that long lists leave the core to llama


class ReplyView(Vertical):
    """Shows `reply`; a running one grows by `feed` and ends with `finish`."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(classes="reply")
        self._reply = reply
        self._pending: list[str] = [reply.text] if reply.text else []
        self._more = asyncio.Event()
        self._begun = bool(reply.text) or reply.state.is_final
        self._finished = reply.state.is_final
        self._note = Static(note_on(reply), classes="note")

    def compose(self) -> ComposeResult:
        yield self._note

    def on_mount(self) -> None:
        self._note.display = bool(note_on(self._reply))
        self.run_worker(self._write(), name="reply", exit_on_error=True)

    def feed(self, text: str) -> None:
        """More text of the running reply."""
        self._begun = True
        self._pending.append(text)
        self._more.set()

    def show_activity(self, text: str) -> None:
        """What happens before the first text comes."""
        if not self._begun:
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
        while True:
            if self._pending:
                text = sanitize("".join(self._pending))
                self._pending.clear()
                if not self._finished:
                    self._note.display = False
                started = time.perf_counter()
                await markdown.append(text)
                cost = time.perf_counter() - started
            else:
                cost = 0.0
            if self._finished and not self._pending:
                break
            if not self._finished:
                await asyncio.sleep(max(_SECONDS_BETWEEN_FLUSHES, _IDLE_PER_WORK * cost))
            if not self._pending and not self._finished:
                self._more.clear()
                await self._more.wait()
        self._note.update(note_on(self._reply))
        self._note.display = bool(note_on(self._reply))
        markdown.display = bool(self._reply.text)


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("gfm-like", {"html": False})


def note_on(reply: Reply) -> Content:
    """How the reply ended, if that was not the ordinary way; what it waits for, if it has not begun."""
    error = sanitize(reply.error)
    match reply.state:
        case ReplyState.WAITING:
            return Content("…")
        case ReplyState.STOPPED:
            return Content("■ stopped" if reply.text else "■ stopped before the reply began")
        case ReplyState.INTERRUPTED:
            what = error or "modechat ended while it was written"
            return Content(f"✂ interrupted: {what}. Ctrl+R asks again.")
        case ReplyState.FAILED:
            return Content.assemble(("✗ ", "$text-error"), error)
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.LENGTH:
            return Content("⋯ cut: the longest reply that is allowed (max_tokens)")
        case ReplyState.COMPLETE if reply.stop_reason is StopReason.CONTEXT:
            return Content("⋯ cut: the context is full")
        case ReplyState.COMPLETE if not reply.text:
            return Content("The model answered with nothing.")
        case _:
            return Content("")
