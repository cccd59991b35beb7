"""Measures the load of the machine: the cores that other processes keep busy, and the idle ones.

A process that sees only its own times learns by trials whether a core is free, and each trial
beside a busy process costs as much as ten tokens. The system's own counts say it at once
(https://docs.kernel.org/filesystems/proc.html). In a container they may be the host's, so they only
say when a trial is worth while, never which count is right.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

_WINDOW = 0.25
"""Seconds that a measurement covers at least: the system counts in hundredths."""


@dataclass(frozen=True, slots=True)
class MachineLoad:
    """Numbers of cores, on average since the measurement before."""

    others: float
    """Cores that other processes keep busy."""
    idle: float


@dataclass(frozen=True, slots=True)
class _Counts:
    at: float
    own: float
    """Seconds of processor time of this process."""
    idle: float
    """Seconds that all usable cores were idle."""


class LoadMeter:
    """Measures the load, at most every quarter of a second.

    `usable` are the CPUs that this process may use.
    """

    def __init__(
        self,
        usable: Sequence[int],
        clock: Callable[[], float] = time.perf_counter,
        own_time: Callable[[], float] = time.process_time,
        idle_time: Callable[[Sequence[int]], float] | None = None,
    ) -> None:
        self._usable = usable
        self._clock = clock
        self._own_time = own_time
        self._idle_time = idle_time or _idle_seconds
        self._before = self._count(clock())

    def measure(self) -> MachineLoad | None:
        """Return the load since the measurement before; None if that was too recent."""
        now = self._clock()
        passed = now - self._before.at
        if passed < _WINDOW:
            return None
        before, self._before = self._before, self._count(now)
        idle = (self._before.idle - before.idle) / passed
        own = (self._before.own - before.own) / passed
        return MachineLoad(others=max(0.0, len(self._usable) - idle - own), idle=max(0.0, idle))

    def _count(self, now: float) -> _Counts:
        return _Counts(now, self._own_time(), self._idle_time(self._usable))


def usable_cpus() -> tuple[int, ...]:
    """Return the numbers of the CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def _idle_seconds(usable: Sequence[int]) -> float:
    times: list[Any] = psutil.cpu_times(percpu=True)
    idle = 0.0
    for cpu in usable:
        if cpu < len(times):
            idle += _idle(times[cpu])
    return idle


def _idle(times: Any) -> float:
    """Return the idle time. Waiting for a disk counts as idle: a thread could compute meanwhile."""
    return float(times.idle + getattr(times, "iowait", 0.0))
