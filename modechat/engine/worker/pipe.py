"""The worker's end of the pipe: requests from standard input, events to standard output.

Owns the file descriptors: what native code prints to standard output goes to standard error instead, so that
nothing but events reaches the pipe. One thread reads, so that a stop arrives while the model computes; another one
sends heartbeats while a request is worked on, so that the front end can tell a long computation from a hang.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from typing import BinaryIO

from pydantic import BaseModel

from modechat.engine.protocol import Cancelled, Generate, Heartbeat, Request, Shutdown, Stop
from modechat.engine.wire import decode_request, encode

_SECONDS_BETWEEN_HEARTBEATS = 1.0
_SECONDS_TO_SHUT_DOWN = 10


class Pipe:
    def __init__(self, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests = requests
        self._events = events
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._waiting: dict[int, Generate] = {}  # those in the queue that are still wanted
        self._handing_over = threading.Lock()
        self._stopped: set[int] = set()
        self._writing = threading.Lock()
        self._working = threading.Event()
        self._working.set()  # starting is work, too
        self._progress = 0
        self.is_shutting_down = False
        """Whether the front end asked for the end: what runs should give up."""

    @classmethod
    def take_over_standard_streams(cls) -> Pipe:
        events = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return cls(sys.stdin.buffer, events)

    def start_reading(self) -> None:
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True).start()

    def next_request(self) -> Request:
        """The next request other than a stop, and other than what was stopped before its turn. Blocks."""
        self._working.clear()
        request = self._queue.get()
        while isinstance(request, Generate) and not self._take(request):
            request = self._queue.get()
        self._working.set()
        return request

    def _take(self, request: Generate) -> bool:
        """Whether the request is still wanted. It waits no longer."""
        with self._handing_over:
            if self._waiting.get(request.id) is not request:
                return False
            del self._waiting[request.id]
            return True

    def is_stopped(self, request_id: int) -> bool:
        """Whether a stop for this request has arrived."""
        return request_id in self._stopped

    def note_progress(self) -> None:
        """The computation goes on. Called often: all that it does is count."""
        self._progress += 1

    def emit(self, event: BaseModel) -> None:
        self._progress += 1
        self._write(event)

    def _write(self, event: BaseModel) -> None:
        try:
            with self._writing:
                self._events.write(encode(event))
                self._events.flush()
        except (
            BrokenPipeError,
            ValueError,
        ):  # ValueError: a write that failed before has closed the stream
            if not self.is_shutting_down:
                os._exit(0)  # the front end is gone: there is nobody to work for

    def _send_heartbeats(self) -> None:
        pause = threading.Event()
        while True:
            self._working.wait()
            self._write(Heartbeat(progress=self._progress))
            pause.wait(_SECONDS_BETWEEN_HEARTBEATS)

    def _read(self) -> None:
        for line in self._requests:
            request = decode_request(line)
            if isinstance(request, Stop):
                self._stop(request.id)
            else:
                if isinstance(request, Generate):
                    self._stopped.discard(
                        request.id
                    )  # a reply that was stopped goes on under its number
                    self._waiting[request.id] = request
                if isinstance(request, Shutdown):
                    self.is_shutting_down = True
                    _end_after(_SECONDS_TO_SHUT_DOWN)
                self._queue.put(request)
        if not self.is_shutting_down:
            # The front end was killed. The model may be computing: do not wait for it.
            os._exit(0)

    def _stop(self, request_id: int) -> None:
        """Stop a request. One that waits ends at once: what is before it, such as a long saving, may take its time."""
        self._stopped.add(request_id)
        with self._handing_over:
            waited = self._waiting.pop(request_id, None)
        if waited is not None:
            self.emit(Cancelled(id=request_id))


def _end_after(seconds: int) -> None:
    """Have the process ended then, whatever it does: the front end may be gone, and nobody else would."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)  # by the system, even if Python's lock is never given back
        return
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()
