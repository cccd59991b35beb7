"""Handles one worker process for a front end: three threads move lines, a watchdog finds hangs.

A death becomes exactly one Failed event with the last log lines, whichever thread notices it first.
A worker that hangs is killed. A worker that was asked to shut down may finish saving to disk, even
after the front end is gone; its successor waits for it.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from typing import IO

from modechat.engine.death import SECONDS_TO_SHUT_DOWN, Death, death_of, in_words, remedy
from modechat.engine.protocol import (
    Cancelled,
    Cause,
    Event,
    Failed,
    Finished,
    Generate,
    Heartbeat,
    Request,
    Shutdown,
)
from modechat.engine.watchdog import Watchdog
from modechat.engine.wire import decode_event, encode, type_of

_SECONDS_TO_CLOSE = 2.0
"""Seconds that the terminal waits for the end of the worker."""
_SECONDS_TO_DIE = 2.0
_LOG_LINES = 200
_LOG_TAIL = 12


class WorkerProcess:
    """A worker that has been spawned, and the threads around it."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        put: Callable[[Event], None],
        log: IO[str] | None,
        watchdog: Callable[[Callable[[str], None]], Watchdog],
        predecessor: WorkerProcess | None,
    ) -> None:
        """`put` is called from any thread.

        `predecessor` is the worker before this one. Until its memory is free, this one gets no
        request.
        """
        self._process = process
        self._log = log
        self._predecessor = predecessor
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._has_spoken = threading.Event()
        self._is_shutting_down = False
        self._record = _Record(put)
        self._watchdog = watchdog(self._end_hang)
        self._log_reader = _thread("log of the worker", self._read_log)
        self._threads = [  # the log first: its last lines are read even from a dead worker
            self._log_reader,
            _thread("requests to the worker", self._write_requests),
            _thread("events of the worker", self._read_events),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_shutting_down(self) -> bool:
        """True if the worker was asked to end, and may finish by itself."""
        return self._is_shutting_down

    def send(self, request: Request) -> None:
        """Hand over a request. A dead worker takes none: the report of its death is the answer."""
        if isinstance(request, Shutdown):
            if self._shut_down():
                _thread("end of a worker", self._see_off).start()
            return
        line = encode(request)
        if self._record.note_request(request):
            self._watchdog.asked(request)
            self._requests.put(line)

    def kill(self) -> None:
        """End the process at once. No event of it and no report follows."""
        self._end_events()
        self._requests.put(None)
        self._process.kill()

    def close(self) -> None:
        """End the process, first politely, then by force. Blocks for some two seconds at most.

        A worker that gives signs of life, and needs longer to save things to disk, goes on alone.
        """
        self._has_spoken.clear()
        self._shut_down()
        if not self.wait_for_end(_SECONDS_TO_CLOSE):
            if self._has_spoken.is_set():
                _thread("end of a worker", self._see_off).start()
                return
            self._process.kill()
            if not self.wait_for_end(_SECONDS_TO_DIE):
                return  # the system cannot end it now: a driver that hangs
        for thread in self._threads:
            thread.join(_SECONDS_TO_CLOSE)

    def wait_for_end(self, seconds: float) -> bool:
        """Wait for at most `seconds`; return True if the process has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _shut_down(self) -> bool:
        """Ask the worker to end. Return False if it was asked before."""
        if self._is_shutting_down:
            return False
        self._is_shutting_down = True
        self._end_events()
        self._requests.put(encode(Shutdown()))
        self._requests.put(None)
        return True

    def _end_events(self) -> None:
        self._watchdog.end()
        self._record.end()

    def _see_off(self) -> None:
        """Wait until the process has ended by itself; kill it if that takes too long."""
        if not self.wait_for_end(SECONDS_TO_SHUT_DOWN):
            self._process.kill()
            self.wait_for_end(_SECONDS_TO_DIE)

    def _end_hang(self, how: str) -> None:
        """Kill a worker that hangs; the watchdog calls this.

        A driver that hangs can keep the worker from dying; the death is reported then all the same.
        """
        self._record.failure = Death.HANG, f"hung: {how}"
        self._process.kill()
        if not self.wait_for_end(_SECONDS_TO_DIE):
            self._report_death()

    # The threads

    def _write_requests(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        if self._predecessor is not None:
            self._predecessor.wait_for_end(SECONDS_TO_SHUT_DOWN + _SECONDS_TO_DIE)
            self._predecessor = None
        with contextlib.suppress(OSError):  # it died: the thread that reads events reports that
            while (line := self._requests.get()) is not None:
                stdin.write(line)
                stdin.flush()
        with contextlib.suppress(OSError):
            stdin.close()

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                if not self._receive(line):
                    break
        self._process.wait()
        self._requests.put(None)
        self._watchdog.end()
        self._log_reader.join(_SECONDS_TO_DIE)  # the last log lines belong to the report
        self._report_death()

    def _receive(self, line: bytes) -> bool:
        """Handle a line of the worker's standard output.

        Return False if nothing more can be understood.
        """
        try:
            event = decode_event(line)
        except ValueError:
            return self._receive_unknown(line)
        self._has_spoken.set()
        self._watchdog.heard(event)
        if isinstance(event, Heartbeat):
            return True
        self._record.put(event)
        return True

    def _receive_unknown(self, line: bytes) -> bool:
        """Handle a line that is no event of this version: other output, or an event of another
        version.

        A reply whose end was lost would never end, so a worker of another version is killed.
        """
        name = type_of(line)
        if name is None:
            self._record.add_log_line(f"not an event: {line[:200]!r}")
            return True
        if line.endswith(b"\n"):  # else it died while it wrote
            self._record.add_log_line(f"an event that modechat does not know: {name}")
            self._record.failure = (
                Death.OTHER_VERSION,
                "said something that modechat does not understand",
            )
            self._process.kill()
        return False

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self._record.add_log_line(text)
                # A full disk, or a log that was closed: the last lines are kept all the same.
                with contextlib.suppress(OSError, ValueError):
                    if self._log is not None:
                        self._log.write(text + "\n")
                        self._log.flush()

    def _report_death(self) -> None:
        """Report the end of the process, unless it was wanted or has been reported."""
        self._watchdog.end()
        self._record.report_death(self._process.returncode)


class _Record:
    """The record of one worker: its open replies and its last log lines.

    All threads use it. `put` gets the worker's events, in order, until the worker is over.
    """

    def __init__(self, put: Callable[[Event], None]) -> None:
        self._put = put
        self._lock = threading.Lock()
        self._is_over = False
        self._running: dict[int, None] = {}
        """The replies that the worker was asked for, the oldest first."""
        self._log_lines: deque[str] = deque(maxlen=_LOG_LINES)
        self.failure: tuple[Death, str] | None = None
        """The kind of failure and its words, if the worker was killed for a failure."""

    def end(self) -> None:
        """Let no further event through."""
        with self._lock:
            self._is_over = True

    def note_request(self, request: Request) -> bool:
        """Note a request that is sent. Return False if the worker is over."""
        with self._lock:
            if isinstance(request, Generate):
                self._running[request.id] = None
            return not self._is_over

    def put(self, event: Event) -> None:
        """Hand an event over."""
        with self._lock:
            if isinstance(event, Finished | Cancelled | Failed) and event.id is not None:
                self._running.pop(event.id, None)
            if not self._is_over:
                self._put(event)

    def add_log_line(self, text: str) -> None:
        """Keep a line for the report of the worker's death."""
        with self._lock:
            self._log_lines.append(text)

    def report_death(self, code: int) -> None:
        """Report the end of the process, which left this exit code, unless the worker is over."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
            death, words = self.failure or (death_of(code), in_words(code))
            self._put(
                Failed(
                    id=next(iter(self._running), None),
                    kind="engine",
                    cause=Cause.VERSION if death is Death.OTHER_VERSION else Cause.OTHER,
                    title=f"The engine {words}",
                    hint=remedy(death),
                    log_tail=tuple(self._log_lines)[-_LOG_TAIL:],
                    died=True,
                    death=death,
                )
            )


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    return threading.Thread(target=work, name=name, daemon=True)
