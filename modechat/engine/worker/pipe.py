"""Handles the worker's end of the pipe: requests from standard input, events to standard output.

Owns the file descriptors: what native code prints to standard output goes to standard error
instead, so that only events reach the pipe. One thread reads, so that a stop arrives while the
model computes. Another one sends heartbeats while a request is worked on, so that the front end can
tell a long computation from a hang.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import traceback
from typing import BinaryIO

from pydantic import BaseModel

from modechat.engine.death import EXIT_OTHER_VERSION, SECONDS_TO_SHUT_DOWN
from modechat.engine.protocol import Cancelled, Generate, Heartbeat, Request, Shutdown, Stop
from modechat.engine.wire import decode_request, encode, type_of

_SECONDS_BETWEEN_HEARTBEATS = 1.0


class Pipe:
    def __init__(self, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests = requests
        self._events = events
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._waiting: dict[int, Generate] = {}  # those in the queue that were not stopped
        self._handing_over = threading.Lock()
        self._stopped: set[int] = set()
        self._writing = threading.Lock()
        self._working = threading.Event()
        self._working.set()  # the start is work, too
        self._progress = 0
        self.is_shutting_down = False
        """True once the front end has asked for the end: computations should give up."""

    @classmethod
    def take_over_standard_streams(cls) -> Pipe:
        events = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return cls(sys.stdin.buffer, events)

    def start_reading(self) -> None:
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True).start()

    def next_request(self) -> Request:
        """Wait for the next request and return it.

        Skips requests that were stopped while they waited.
        """
        self._working.clear()
        request = self._queue.get()
        while isinstance(request, Generate) and not self._claim(request):
            request = self._queue.get()
        self._working.set()
        return request

    def _claim(self, request: Generate) -> bool:
        """Take a request out of those that wait. Return False if it was stopped."""
        with self._handing_over:
            if self._waiting.get(request.id) is not request:
                return False
            del self._waiting[request.id]
            return True

    def is_stopped(self, request_id: int) -> bool:
        """Return True if a stop for this request has arrived."""
        return request_id in self._stopped

    def note_progress(self) -> None:
        """Note that the computation goes on. This is called often, so it only counts."""
        self._progress += 1

    def emit(self, event: BaseModel) -> None:
        self._progress += 1
        self._write(event)

    def _write(self, event: BaseModel) -> None:
        line = encode(event)
        try:
            with self._writing:
                self._events.write(line)
                self._events.flush()
        except (BrokenPipeError, ValueError):  # ValueError: a failed write has closed the stream
            if not self.is_shutting_down:
                os._exit(0)  # the front end is gone: there is nobody to work for

    def _send_heartbeats(self) -> None:
        pause = threading.Event()
        while True:
            self._working.wait()
            self._write(Heartbeat(progress=self._progress))
            pause.wait(_SECONDS_BETWEEN_HEARTBEATS)

    def _read(self) -> None:
        """Read requests, in a thread. If that fails, the process ends: nobody could reach it."""
        try:
            for line in self._requests:
                self._receive(line)
        except Exception:  # noqa: BLE001 - the process ends here, whatever it was
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
        if not self.is_shutting_down:
            # The front end was killed. The model may be computing: do not wait for it.
            os._exit(0)

    def _receive(self, line: bytes) -> None:
        """Put a request into the queue; handle a stop at once."""
        request = _decoded(line)
        match request:
            case Stop():
                self._stop(request.id)
                return
            case Generate():
                # A reply that was stopped goes on under its number.
                self._stopped.discard(request.id)
                self._waiting[request.id] = request
            case Shutdown():
                self.is_shutting_down = True
                _end_after(SECONDS_TO_SHUT_DOWN)
            case _:
                pass
        self._queue.put(request)

    def _stop(self, request_id: int) -> None:
        """Stop a request. If it still waits, it ends at once: earlier requests may take long."""
        self._stopped.add(request_id)
        with self._handing_over:
            waited = self._waiting.pop(request_id, None)
        if waited is not None:
            self.emit(Cancelled(id=request_id))


def _decoded(line: bytes) -> Request:
    """Return the request in a line.

    End the process if the line cannot be read, because it could not be answered.
    """
    try:
        return decode_request(line)
    except ValueError:  # the line is not printed: it may hold what the user wrote
        print(f"this request cannot be read: {type_of(line) or 'no type'}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(EXIT_OTHER_VERSION)


def _end_after(seconds: int) -> None:
    """End the process after so many seconds, whatever it does: the front end may be gone."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # by the system, even if Python's lock is never released
        return
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
