"""Ends the plain front end: the user leaves, a signal comes, or nobody reads any more."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from modechat.errors import cannot_write

if TYPE_CHECKING:
    from modechat.plain.writer import Writer

_SECONDS_TO_WRITE = 1.0
"""The time for the remaining output after a signal: its reader may not read any more."""


class Shutdown:
    """The end of the program and its cause. Create it inside a running event loop."""

    def __init__(self) -> None:
        self._is_requested = asyncio.Event()
        self._is_urgent = asyncio.Event()
        """Set when the end is requested again while the program ends."""
        self._signal: signal.Signals | None = None
        self._error: Exception | None = None

    @property
    def is_requested(self) -> bool:
        return self._is_requested.is_set()

    @property
    def is_by_interrupt(self) -> bool:
        """True if Ctrl+C ends the program."""
        return self._signal is signal.SIGINT

    def request(self) -> None:
        """End the program as soon as everything is saved."""
        self._is_requested.set()

    def hurry(self) -> None:
        """End without waiting for the reader of the remaining output."""
        self._is_urgent.set()

    def request_by(self, number: signal.Signals) -> None:
        """End the program because of a signal; the second one hurries."""
        if self.is_requested:
            self.hurry()
        self._signal = number
        self.request()

    def cannot_write(self, error: OSError) -> None:
        """End the program because nobody reads any more, or the disk is full."""
        if error.errno in (errno.EPIPE, errno.EIO):
            self._error = BrokenPipeError()
        else:
            self._error = cannot_write(error)
        self.request()

    async def wait_for_request(self) -> None:
        await self._is_requested.wait()

    async def wait_for(self, writer: Writer) -> None:
        """Wait until all is written, but not for ever if the program should end."""
        waits = [
            asyncio.create_task(writer.drained()),
            asyncio.create_task(self._is_urgent.wait()),
        ]
        limit = _SECONDS_TO_WRITE if self._signal is not None else None
        _, waiting = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def finish(self) -> None:
        """Raise the error that ended the program, or the signal unless it was Ctrl+C."""
        if self._signal is not None and self._signal is not signal.SIGINT:
            signal.signal(self._signal, signal.SIG_DFL)
            signal.raise_signal(self._signal)
        if self._error is not None:
            raise self._error

    @contextlib.contextmanager
    def on_signals(self, interrupt: Callable[[], None]) -> Iterator[None]:
        """Handle signals inside the block; `interrupt` is called for Ctrl+C."""
        loop = asyncio.get_running_loop()
        added = []
        for name in ("SIGTERM", "SIGHUP", "SIGINT"):
            with contextlib.suppress(KeyError, NotImplementedError):  # not on every system
                number = signal.Signals[name]
                handle: Callable[[], None] = partial(self.request_by, number)
                if number is signal.SIGINT:
                    handle = interrupt
                loop.add_signal_handler(number, handle)
                added.append(number)
        try:
            yield
        finally:
            for number in added:
                loop.remove_signal_handler(number)
