"""One worker process, seen from the front end: three threads move the lines, a watchdog looks for hangs.

A death becomes exactly one Failed event with the last log lines, whoever notices it. A worker that hangs is killed. One
that was asked to shut down may finish what it keeps on disk, also after the front end is gone; its successor waits.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from typing import IO

from modechat.engine.death import Death, death_of, in_words
from modechat.engine.protocol import (
    Cancelled,
    Event,
    Failed,
    Finished,
    Generate,
    Heartbeat,
    Request,
    Shutdown,
)
from modechat.engine.watchdog import Watchdog
from modechat.engine.wire import decode_event, encode

_SECONDS_TO_CLOSE = 2.0
"""How long the terminal waits for the end of the worker."""
_SECONDS_TO_SHUT_DOWN = 10.0
"""How long a worker may keep things on disk; it limits itself likewise."""
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
        before: WorkerProcess | None,
    ) -> None:
        """`before` is the worker whose place this one takes: it gets no request until that one's memory is free."""
        self._put = put
        self._log = log
        self._before = before
        self._log_lines: deque[str] = deque(maxlen=_LOG_LINES)
        self._requests: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._running: set[int] = set()
        self._closing = False
        self._asked_to_end = False
        self._has_life = threading.Event()
        self._telling_death = threading.Lock()
        self._hang = ""
        self._process = process
        self._watchdog = watchdog(self._end_hang)
        self._log_reader = threading.Thread(target=self._read_log, name="_read_log", daemon=True)
        self._threads = [  # the log's first: a worker that is dead already is reported with its last lines
            self._log_reader,
            *(
                threading.Thread(target=target, name=target.__name__, daemon=True)
                for target in (self._write_requests, self._read_events)
            ),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_shutting_down(self) -> bool:
        """Whether it was asked to end, and may finish by itself."""
        return self._asked_to_end

    def send(self, request: Request) -> None:
        """Hand over a request. A worker that is dead has reported it, or will: that answers the request too."""
        if self._closing:
            return
        if isinstance(request, Shutdown):
            self._shut_down()
            threading.Thread(target=self._see_off, name="end of a worker", daemon=True).start()
            return
        if isinstance(request, Generate):
            self._running.add(request.id)
        self._watchdog.asked(request)
        self._requests.put(encode(request))

    def kill(self) -> None:
        """End the process at once, without a report."""
        self._closing = True
        self._watchdog.end()
        self._requests.put(None)
        self._process.kill()

    def close(self) -> None:
        """End the process: politely, then by force. Blocks for at most some two seconds.

        One that is alive, and has more to keep on disk than that takes, goes on alone.
        """
        self._has_life.clear()
        if not self._asked_to_end:
            self._shut_down()
        if not self.wait_for_end(_SECONDS_TO_CLOSE):
            if self._has_life.is_set():
                threading.Thread(target=self._see_off, name="end of a worker", daemon=True).start()
                return
            self._process.kill()
            if not self.wait_for_end(_SECONDS_TO_DIE):
                return  # the system cannot end it now: a driver that hangs
        for thread in self._threads:
            thread.join(_SECONDS_TO_CLOSE)

    def wait_for_end(self, seconds: float) -> bool:
        """Wait until the process is gone; whether it is."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _shut_down(self) -> None:
        self._closing = self._asked_to_end = True
        self._watchdog.end()
        self._requests.put(encode(Shutdown()))
        self._requests.put(None)

    def _see_off(self) -> None:
        """Wait until the process has ended by itself; end it if that takes too long."""
        if not self.wait_for_end(_SECONDS_TO_SHUT_DOWN):
            self._process.kill()
            self.wait_for_end(_SECONDS_TO_DIE)

    def _end_hang(self, how: str) -> None:
        """Called by the watchdog: kill what hangs, and tell. A driver that hangs can keep the process from dying."""
        self._hang = how
        self._process.kill()
        if not self.wait_for_end(_SECONDS_TO_DIE):
            self._report_death()

    def _write_requests(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        if self._before is not None:
            self._before.wait_for_end(_SECONDS_TO_SHUT_DOWN + _SECONDS_TO_DIE)
            self._before = None
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
                except ValueError:
                    self._log_lines.append(f"not an event: {line[:200]!r}")
                    continue
                self._has_life.set()
                self._watchdog.heard(event)
                if isinstance(event, Finished | Cancelled | Failed) and event.id is not None:
                    self._running.discard(event.id)
                if not isinstance(event, Heartbeat) and not self._asked_to_end:
                    self._put(event)
        self._process.wait()
        self._requests.put(None)
        self._watchdog.end()
        if not self._closing:
            self._log_reader.join(_SECONDS_TO_DIE)  # the last log lines belong to the report
            self._report_death()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                text = line.decode(errors="replace").rstrip()
                self._log_lines.append(text)
                with contextlib.suppress(
                    OSError, ValueError
                ):  # a full disk, or closed: the lines above are kept
                    if self._log is not None:
                        self._log.write(text + "\n")
                        self._log.flush()

    def _report_death(self) -> None:
        """Tell of the end, once, whoever notices it."""
        with self._telling_death:
            if self._closing:
                return
            self._closing = True
        if self._hang:
            death, cause = Death.HANG, f"hung: {self._hang}"
        else:
            death, cause = death_of(self._process.returncode), in_words(self._process.returncode)
        self._put(
            Failed(
                id=next(iter(self._running), None),
                kind="engine",
                title=f"The engine {cause}",
                log_tail=tuple(self._log_lines)[-_LOG_TAIL:],
                died=True,
                death=death,
            )
        )
