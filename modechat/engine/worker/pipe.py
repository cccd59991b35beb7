"""The worker's end of the pipe: requests from standard input, events to standard output.

Owns the file descriptors: what native code prints to standard output goes to standard error instead, so that
nothing but events reaches the pipe. A thread reads, so that a stop arrives while the model computes.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import BinaryIO

from pydantic import BaseModel

from modechat.engine.protocol import Request, Shutdown, Stop, decode_request, encode


class Pipe:
    def __init__(self, requests: BinaryIO, events: BinaryIO) -> None:
        self._requests = requests
        self._events = events
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self.is_shutting_down = False
        """Whether the front end asked for the end: what runs should give up."""

    @classmethod
    def take_over_standard_streams(cls) -> Pipe:
        events = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        return cls(sys.stdin.buffer, events)

    def start_reading(self) -> None:
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def next_request(self) -> Request:
        """The next request other than a stop. Blocks."""
        return self._queue.get()

    def is_stopped(self, request_id: int) -> bool:
        """Whether a stop for this request has arrived."""
        return request_id in self._stopped

    def emit(self, event: BaseModel) -> None:
        try:
            self._events.write(encode(event))
            self._events.flush()
        except BrokenPipeError:
            os._exit(0)  # the front end is gone: there is nobody to work for

    def _read(self) -> None:
        for line in self._requests:
            request = decode_request(line)
            if isinstance(request, Stop):
                self._stopped.add(request.id)
            else:
                self.is_shutting_down = isinstance(request, Shutdown)
                self._queue.put(request)
        if not self.is_shutting_down:
            # The front end was killed. The model may be computing: do not wait for it.
            os._exit(0)
