"""Reads what the user named on the disk, which may hang for ever: on a lost network, for example.

Nothing waits for a read that was given up. It goes on in a thread that ends with the program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from modechat.daemon_thread import run_in_daemon_thread
from modechat.errors import ModelError
from modechat.session.gate import CLOSED

P = ParamSpec("P")
T = TypeVar("T")


class ReadGivenUp(ModelError):
    """The session ends before the file was read."""


class FileReads:
    """The reads of one session."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[Any]] = set()
        self._is_over = False

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns, and raise what it raises, or else ReadGivenUp."""
        if self._is_over:
            raise ReadGivenUp(CLOSED.reason)
        reading = asyncio.create_task(run_in_daemon_thread(function, *args, **kwargs))
        self._running.add(reading)
        try:
            await asyncio.wait({reading})
        finally:
            self._running.discard(reading)
            reading.cancel()
        if reading.cancelled():
            raise ReadGivenUp(CLOSED.reason)
        return reading.result()

    def give_up(self) -> None:
        """Give up all reads, also those that would begin later."""
        self._is_over = True
        for reading in self._running:
            reading.cancel()
