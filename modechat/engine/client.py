"""Runs the front ends' engine in a worker process, and starts another after a death or an unload.

No event of an earlier process follows the start of the next one. `worker_process` handles a single
process.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from typing import IO, TYPE_CHECKING

from modechat.engine.process import spawn_worker
from modechat.engine.protocol import Event, Request
from modechat.engine.watchdog import Patience, Watchdog
from modechat.engine.worker_process import WorkerProcess

if TYPE_CHECKING:
    import asyncio

_PATIENCE = Patience()


class WorkerEngine:
    """The engine that runs in a worker process.

    `start` may be called before an event loop runs. Three threads move the lines, so nothing here
    blocks.
    """

    def __init__(
        self,
        log: IO[str] | None = None,
        process: subprocess.Popen[bytes] | None = None,
        patience: Patience = _PATIENCE,
    ) -> None:
        """`log` gets the worker's standard error. `process` is a worker that was spawned already.

        A worker that is quiet for longer than `patience` allows is killed.
        """
        self._log = log
        self._spawned = process
        self._watchdog = partial(Watchdog, patience)
        self._events: queue.SimpleQueue[tuple[int, Event] | None] = queue.SimpleQueue()
        self._n_started = 0
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._worker: WorkerProcess | None = None
        self._closed = False

    def start(self) -> None:
        """See Engine.start.

        Does nothing once the engine is closed: nobody would end that worker.
        """
        if self._closed:
            return
        before = self._worker
        if before is not None and not before.is_shutting_down:
            before.kill()
        process, self._spawned = self._spawned or spawn_worker(), None
        self._n_started += 1
        put = partial(self._put, self._n_started)
        self._worker = WorkerProcess(process, put, self._log, self._watchdog, before)

    def send(self, request: Request) -> None:
        """See Engine.send."""
        if self._worker is not None:
            self._worker.send(request)

    async def events(self) -> AsyncIterator[Event]:
        """See Engine.events."""
        import asyncio  # late, so that the worker gets its request earlier

        wake = asyncio.Event()
        self._wake = (asyncio.get_running_loop(), wake)
        while not self._closed:
            wake.clear()
            while not self._events.empty():
                numbered = self._events.get_nowait()
                if numbered is None:
                    return
                number, event = numbered
                if number == self._n_started:  # else an earlier worker sent it
                    yield event
            await wake.wait()

    async def close(self) -> None:
        """See Engine.close."""
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            import asyncio

            await asyncio.to_thread(worker.close)
        self._events.put(None)
        self._wake_reader()

    @property
    def process_id(self) -> int | None:
        return self._worker.process_id if self._worker else None

    def _put(self, number: int, event: Event) -> None:
        """Queue an event of worker `number`, counted from 1 in the order of their starts.

        Called from any thread.
        """
        self._events.put((number, event))
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._wake is not None:
            loop, wake = self._wake
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(wake.set)
