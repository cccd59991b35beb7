"""The front ends' end of the pipe: starts the worker process, and survives its death.

Owns the process. Whatever happens to it, `events` tells: a death becomes exactly one Failed event with the last log
lines, and the worker can be started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import IO

from pydantic import ValidationError

from modechat.engine.process import spawn_worker
from modechat.engine.protocol import (
    Event,
    Failed,
    Finished,
    Generate,
    Request,
    Shutdown,
    decode_event,
    encode,
)

_SECONDS_TO_SHUT_DOWN = 2.0
_LOG_LINES = 200
_LOG_TAIL = 12


class WorkerEngine:
    """The engine that runs in a worker process.

    `start` may be called before an event loop runs; three threads move the lines, so that nothing here blocks.
    """

    def __init__(self, log: IO[str] | None = None, process: subprocess.Popen[bytes] | None = None) -> None:
        """`log` gets the worker's standard error. `process` is a worker that was spawned already, for the start."""
        self._log = log
        self._spawned = process
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._worker: _Worker | None = None
        self._closed = False

    def start(self) -> None:
        if self._worker is not None:
            self._worker.kill()
        process, self._spawned = self._spawned or spawn_worker(), None
        self._worker = _Worker(process, self._put, self._log)

    def send(self, request: Request) -> None:
        if self._worker is not None:
            self._worker.send(request)

    async def events(self) -> AsyncIterator[Event]:
        wake = asyncio.Event()
        self._wake = (asyncio.get_running_loop(), wake)
        while not self._closed:
            wake.clear()
            while not self._events.empty():
                event = self._events.get_nowait()
                if event is None:
                    return
                yield event
            await wake.wait()

    async def close(self) -> None:
        self._closed = True
        worker, self._worker = self._worker, None
        if worker is not None:
            await asyncio.to_thread(worker.close)
        self._put(None)

    @property
    def process_id(self) -> int | None:
        return self._worker.process_id if self._worker else None

    def _put(self, event: Event | None) -> None:
        """Called from any thread."""
        self._events.put(event)
        if self._wake is not None:
            loop, wake = self._wake
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
                loop.call_soon_threadsafe(wake.set)


class _Worker:
    """One worker process and the threads around it."""

    def __init__(self, process: subprocess.Popen[bytes], put: Callable[[Event], None], log: IO[str] | None) -> None:
        self._put = put
        self._log = log
        self._log_lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._running: set[int] = set()
        self._closing = False
        self._process = process
        self._threads = [
            threading.Thread(target=target, name=target.__name__, daemon=True)
            for target in (self._write_requests, self._read_events, self._read_log)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def send(self, request: Request) -> None:
        """Hand over a request. A worker that is dead has reported it, or will: that answers the request too."""
        if isinstance(request, Generate):
            self._running.add(request.id)
        self._requests.put(encode(request))

    def kill(self) -> None:
        """End the process at once, without a report."""
        self._closing = True
        self._requests.put(None)
        self._process.kill()

    def close(self) -> None:
        """End the process: politely, then by force. Blocks for at most two seconds."""
        self._closing = True
        self._requests.put(encode(Shutdown()))
        self._requests.put(None)
        try:
            self._process.wait(_SECONDS_TO_SHUT_DOWN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(_SECONDS_TO_SHUT_DOWN)

    def _write_requests(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        with contextlib.suppress(OSError):  # it died: the reading thread tells
            while (line := self._requests.get()) is not None:
                stdin.write(line)
                stdin.flush()
        with contextlib.suppress(OSError):
            stdin.close()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    event = decode_event(line)
                except ValidationError:
                    self._log_lines.append(f"not an event: {line[:200]!r}")
                    continue
                if isinstance(event, Finished | Failed) and event.id is not None:
                    self._running.discard(event.id)
                self._put(event)
        self._process.wait()
        self._requests.put(None)
        if not self._closing:
            self._threads[2].join(_SECONDS_TO_SHUT_DOWN)  # the last log lines belong to the report
            self._report_death()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self._log_lines.append(text)
                with contextlib.suppress(OSError, ValueError):  # a full disk, or closed: the lines above are kept
                    if self._log is not None:
                        self._log.write(text + "\n")
                        self._log.flush()

    def _report_death(self) -> None:
        self._put(
            Failed(
                id=next(iter(self._running), None),
                kind="engine",
                title=f"The engine {_cause_of_death(self._process.returncode)}",
                log_tail=tuple(self._log_lines)[-_LOG_TAIL:],
                died=True,
            )
        )


def _cause_of_death(code: int) -> str:
    if code >= 0:
        return f"ended unexpectedly (exit code {code})"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    reasons = {
        "SIGKILL": "was killed (SIGKILL): often the system does that when memory runs out",
        "SIGABRT": "gave up (SIGABRT): an assertion in llama.cpp failed",
        "SIGSEGV": "crashed (SIGSEGV)",
        "SIGILL": "crashed (SIGILL): llama.cpp was built for another processor",
    }
    return reasons.get(name, f"died ({name})")
