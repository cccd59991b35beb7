"""Counts the threads that help: the physical performance cores that this process may use.

llama.cpp's threads wait for each other after every operation. So a thread on a slow core, on the
second half of a core, or beyond a container's quota makes all of them slower.

Linux says this in files, which are read below a root folder that tests replace
(https://docs.kernel.org/admin-guide/cgroup-v2.html,
https://docs.kernel.org/admin-guide/cputopology.html).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

import psutil

_FAST = 0.7
"""A core that has less of the fastest core's capacity or frequency is an efficiency core."""


def useful_threads() -> int:
    """Return the number of physical performance cores that this process may use, at least one."""
    if sys.platform == "linux":
        return linux_threads(Path("/"), os.sched_getaffinity(0))
    fast = _performance_cores_of_macos()
    physical = fast or psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if sys.platform == "win32":
        physical = min(physical, len(psutil.Process().cpu_affinity()))
    return max(1, physical)


def linux_threads(root: Path, usable: Collection[int]) -> int:
    """Return the useful threads of a process that may use the CPUs `usable` of the system at
    `root`.

    Files that are missing or say something else mean no limit.
    """
    cores = _count_cores(root, _performance_cpus(root, usable))
    quota = _cpu_quota(root)
    if quota is not None:
        cores = min(cores, int(quota))
    return max(1, cores)


def parse_cpu_list(text: str) -> frozenset[int]:
    """Read one of the kernel's lists of CPUs, such as `0-3,8`. Raises ValueError."""
    cpus: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def parse_quota_v2(text: str) -> float | None:
    """Return how many CPUs `cpu.max` allows, such as `150000 100000`; None: no limit."""
    quota, _, period = text.strip().partition(" ")
    if quota in ("", "max"):
        return None
    return _ratio(quota, period or "100000")


def parse_quota_v1(quota: str, period: str) -> float | None:
    """Return how many CPUs `cpu.cfs_quota_us` and `cpu.cfs_period_us` allow; None: no limit."""
    if quota.strip().startswith("-"):
        return None
    return _ratio(quota, period)


def _performance_cpus(root: Path, usable: Collection[int]) -> frozenset[int]:
    """Return those of `usable` that are on performance cores; all if the cores are alike."""
    hybrid = _read(root / "sys/devices/cpu_core/cpus")  # Intel
    if hybrid:
        return frozenset(usable) & _cpus(hybrid) or frozenset(usable)
    for file in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):  # ARM; AMD and others
        speeds = {cpu: _number(_read(_cpu_folder(root, cpu) / file)) for cpu in usable}
        if speeds and all(speeds.values()):
            least = _FAST * max(speeds.values())
            return frozenset(cpu for cpu, speed in speeds.items() if speed >= least)
    return frozenset(usable)


def _count_cores(root: Path, cpus: Collection[int]) -> int:
    """Return how many physical cores `cpus` lie on.

    If the kernel does not say, each CPU counts as a core.
    """
    cores = set()
    for cpu in cpus:
        siblings = _cpus(_read(_cpu_folder(root, cpu) / "topology/thread_siblings_list"))
        cores.add(siblings or frozenset({cpu}))
    return len(cores)


def _cpu_quota(root: Path) -> float | None:
    """Return how many CPUs the control groups of this process allow; None: no limit.

    The strictest limit of a group and those above it counts. In a container the path of the group
    may be the host's: then only the top of the mounted tree counts.
    """
    strictest: float | None = None
    for folder, version in _groups(root):
        quota = _quota_of(folder, version)
        if quota is not None:
            strictest = quota if strictest is None else min(strictest, quota)
    return strictest


def _groups(root: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folders of this process's groups and their parents, with their version."""
    mounted = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if not controllers:
            hierarchies, version = [mounted, mounted / "unified"], 2
        elif "cpu" in controllers.split(","):
            hierarchies, version = [mounted / controllers, mounted / "cpu"], 1
        else:
            continue
        group = PurePosixPath(path.strip("/"))
        for hierarchy in hierarchies:
            yield hierarchy, version
            for above in (group, *group.parents):
                if above.parts and ".." not in above.parts:
                    yield hierarchy / above, version


def _quota_of(folder: Path, version: int) -> float | None:
    if version == 2:
        return parse_quota_v2(_read(folder / "cpu.max"))
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return parse_quota_v1(quota, period) if quota and period else None


def _ratio(quota: str, period: str) -> float | None:
    allowed, each = _number(quota), _number(period)
    if not allowed or not each:
        return None
    return allowed / each


def _number(text: str) -> int:
    """Return the number in a text; 0 for any other text."""
    return int(text) if text.strip().isdecimal() else 0


def _cpus(text: str) -> frozenset[int]:
    """Return the CPUs in a list; empty for any other text."""
    try:
        return parse_cpu_list(text)
    except ValueError:
        return frozenset()


def _cpu_folder(root: Path, cpu: int) -> Path:
    return root / f"sys/devices/system/cpu/cpu{cpu}"


def _read(path: Path) -> str:
    """Return the text of a file; empty if there is none.

    Old kernels and other systems lack some files, and containers hide some.
    """
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _performance_cores_of_macos() -> int:
    """Return the number of a Mac's performance cores; 0 without efficiency cores, or elsewhere."""
    if sys.platform != "darwin":
        return 0
    count, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(
        b"hw.perflevel0.physicalcpu", ctypes.byref(count), ctypes.byref(size), None, 0
    )
    return 0 if failed else count.value
