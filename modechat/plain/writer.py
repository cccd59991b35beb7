"""Writes text in a thread, so that saving does not wait for a reader that does not read."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TextIO

from modechat.plain.raw_streams import raw_stream, write_all


class Writer:
    """Writes the texts of `put`, in order. Create it inside a running event loop."""

    def __init__(self, main: TextIO, failed: Callable[[OSError], None]) -> None:
        """`failed` is called when `main` cannot be written to, which ends the writing to it."""
        self._main = main
        self._loop = asyncio.get_running_loop()
        self._failed = failed
        self._queue: queue.SimpleQueue[tuple[TextIO, bytes] | asyncio.Event] = queue.SimpleQueue()
        threading.Thread(target=self._write, name="writer", daemon=True).start()

    def put(self, stream: TextIO, text: str) -> None:
        """Write `text`, with `?` for characters that the stream's encoding lacks."""
        self._queue.put((stream, text.encode(stream.encoding or "utf-8", "replace")))

    async def drained(self) -> None:
        """Wait until all is written, or cannot be written."""
        done = asyncio.Event()
        self._queue.put(done)
        await done.wait()

    def _write(self) -> None:
        failed: set[TextIO] = set()
        while True:
            work = self._queue.get()
            if isinstance(work, asyncio.Event):
                self._call(work.set)
                continue
            stream, data = work
            if stream in failed:
                continue
            try:
                write_all(raw_stream(stream), data)
            except ValueError:  # the program has ended, and its streams are closed
                failed.add(stream)
            except OSError as error:
                failed.add(stream)
                if stream is self._main:
                    self._call(self._failed, error)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        with contextlib.suppress(RuntimeError):  # the program has ended meanwhile
            self._loop.call_soon_threadsafe(function, *arguments)
