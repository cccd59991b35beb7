"""Notices a worker that hangs: it gives no sign of life, or its computation stands still.

`HangDetector` judges by requests, events and times; `Watchdog` asks it regularly from a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from modechat.engine.answers import answers
from modechat.engine.protocol import (
    Cancelled,
    Event,
    Generate,
    Heartbeat,
    Inspect,
    Load,
    Loaded,
    Request,
    SaveLanes,
    UseAdapters,
    UseFormat,
)


@dataclass(frozen=True, slots=True)
class Patience:
    """The seconds that a worker with a request may be quiet."""

    silent: float = 10.0
    """Seconds without any sign of life. A worker that computes sends a heartbeat every second."""
    starting: float = 60.0
    """Seconds before the first event: Python and llama.cpp load slowly from a cold disk."""
    standing_still: float = 30.0
    """Seconds in which a live worker's computation does not go on.

    On the CPU every node of the graph is progress.
    """
    loading: float = 120.0
    """The same while the worker loads or saves, and on a GPU.

    A GPU reports no progress within a batch.
    """


class HangDetector:
    """Follows the requests and events of one worker. Times come from a monotonic clock."""

    def __init__(self, patience: Patience, now: float) -> None:
        self._patience = patience
        self._open: list[Request] = []
        self._has_spoken = False
        self._on_gpu = False
        self._is_saving = False
        self._progress = -1
        self._heard_at = self._moved_at = now

    def asked(self, request: Request, now: float) -> None:
        """Note that a request was sent. Requests that have no answer do not count."""
        if isinstance(request, SaveLanes):
            self._is_saving = True
        elif isinstance(request, Load | Generate | Inspect | UseFormat | UseAdapters):
            if not self._open:
                self.begin_again(now)
            self._open.append(request)

    def heard(self, event: Event, now: float) -> None:
        """Note an event of the worker."""
        self._heard_at = now
        if isinstance(event, Heartbeat):
            if event.progress != self._progress:
                self._progress, self._moved_at = event.progress, now
            return
        if isinstance(event, Cancelled):  # out of order: earlier requests go on
            self._drop_answered_by(event)
            return
        self._has_spoken, self._moved_at, self._is_saving = True, now, False
        if isinstance(event, Loaded):
            self._on_gpu = event.model.placement.n_gpu_layers > 0
        index = self._index_of_answered(event)
        if index is not None:  # answers come in order: earlier requests are answered, too
            del self._open[: index + 1]

    def _drop_answered_by(self, event: Event) -> None:
        index = self._index_of_answered(event)
        if index is not None:
            del self._open[index]

    def _index_of_answered(self, event: Event) -> int | None:
        for index, request in enumerate(self._open):
            if answers(event, request):
                return index
        return None

    def begin_again(self, now: float) -> None:
        """Count from now on, after a time in which nobody could listen."""
        self._heard_at = self._moved_at = now

    def verdict(self, now: float) -> str:
        """Return how the worker hangs, as the end of a sentence; empty if it does not."""
        if not self._open:
            return ""
        silent = self._patience.silent
        if not self._has_spoken:
            silent = max(silent, self._patience.starting)
        if now - self._heard_at > silent:
            return f"it gave no sign of life for {silent:g} seconds"
        is_slow = self._on_gpu or self._is_saving or not isinstance(self._open[0], Generate)
        still = self._patience.loading if is_slow else self._patience.standing_still
        if now - self._moved_at > still:
            return f"its computation stood still for {still:g} seconds"
        return ""


class Watchdog:
    """Calls `on_hang` once, from a thread, with how the worker hangs. `clock` is monotonic."""

    def __init__(
        self,
        patience: Patience,
        on_hang: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._on_hang = on_hang
        self._interval = min(1.0, patience.silent / 4)
        self._lock = threading.Lock()
        self._detector = HangDetector(patience, clock())
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def asked(self, request: Request) -> None:
        with self._lock:
            self._detector.asked(request, self._clock())

    def heard(self, event: Event) -> None:
        with self._lock:
            self._detector.heard(event, self._clock())

    def end(self) -> None:
        self._ended.set()

    def _watch(self) -> None:
        looked_at = self._clock()
        while not self._ended.wait(self._interval):
            now = self._clock()
            with self._lock:
                # This program itself may have slept: it was suspended, or a laptop's lid was
                # closed.
                if now - looked_at > 3 * self._interval:
                    self._detector.begin_again(now)
                hang = self._detector.verdict(now)
            looked_at = now
            if hang:
                self._on_hang(hang)
                return
