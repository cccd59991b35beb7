"""Reads what the user named on the disk, which may hang for ever: on a lost network, for example.

Nothing waits for a read that was given up. It goes on in a thread that ends with the program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.attachments import mentions
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed
from modechat.errors import ModelError
from modechat.session.attachments import attach
from modechat.session.gate import CLOSED

P = ParamSpec("P")
T = TypeVar("T")


class ReadGivenUp(ModelError):
    """The user stopped the read, or the session ends before the file was read."""


class FileReads:
    """Reads, and other checks, that the user can stop: those of a session, or of its messages."""

    def __init__(self, stopped: str = "Stopped: nothing was done.") -> None:
        """`stopped` is what the user is told who stops them."""
        self._stopped = stopped
        self._running: set[asyncio.Task[Any]] = set()
        self.is_over = False
        """True after the session has begun to end."""

    @property
    def is_running(self) -> bool:
        """True while there is something to stop."""
        return bool(self._running)

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns, and raise what it raises, or else ReadGivenUp."""
        return await self._run(run_in_daemon_thread(function, *args, **kwargs))

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | Incomplete:
        """Return the result of `work`, unless it is given up."""
        try:
            return await self._run(work)
        except ReadGivenUp as error:
            return Incomplete(error.title)

    async def attached(self, typed: Typed, folder: Path) -> Typed | Incomplete:
        """Return the text with the texts of its files, or the reason why one is not attached."""
        if not mentions(typed):
            return typed
        return await self.unless_stopped(run_in_daemon_thread(attach, typed, folder))

    def stop(self) -> bool:
        """Give up what is read now. Return False if that is nothing."""
        for reading in self._running:
            reading.cancel()
        return self.is_running

    def give_up(self) -> None:
        """Give up all reads, also those that would begin later."""
        self.is_over = True
        self.stop()

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self.is_over:
            work.close()
            raise self._given_up()
        reading = asyncio.create_task(work)
        self._running.add(reading)
        try:
            await asyncio.wait({reading})
        finally:
            self._running.discard(reading)
            reading.cancel()
        if reading.cancelled():
            raise self._given_up()
        return reading.result()

    def _given_up(self) -> ReadGivenUp:
        return ReadGivenUp(CLOSED.reason if self.is_over else self._stopped)
