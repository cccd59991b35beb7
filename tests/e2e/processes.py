"""The worker processes of a running program."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from tests.e2e.window import SECONDS, Window


class WatchedProcess:
    """A process of somebody else. Linux tells when it ends, and never means another one of the same
    number.
    """

    def __init__(self, process_id: int) -> None:
        self.id = process_id
        self._handle = os.pidfd_open(process_id)

    def has_ended(self, *, within: float = 0.0) -> bool:
        """Whether it has ended, or does so within so many seconds."""
        ready, _, _ = select.select([self._handle], [], [], within)
        return bool(ready)

    def wait_for_end(self) -> None:
        assert self.has_ended(within=SECONDS), f"process {self.id} still runs after {SECONDS} s"

    def close(self) -> None:
        os.close(self._handle)


@contextmanager
def watched_worker(terminal: Window) -> Iterator[WatchedProcess]:
    """The engine's worker, the only process that the program itself has started."""
    (worker,) = psutil.Process(terminal.process_id).children()
    watched = WatchedProcess(worker.pid)
    try:
        yield watched
    finally:
        watched.close()
