"""How many threads help at most: the physical performance cores that this process may use.

llama.cpp's threads wait for each other after every operation, so a thread on a slow core, on the second half of a
core, or beyond what a container's quota pays for makes all of them slower.

What Linux says stands in files, which are read below a root folder that tests replace
(https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cputopology.html).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

import psutil

_FAST = 0.7
"""Of the fastest core's capacity or frequency: a core below that is an efficiency core."""


def useful_threads() -> int:
    """Physical performance cores that this process may use, at least one."""
    if sys.platform == "linux":
        return linux_threads(Path("/"), os.sched_getaffinity(0))
    physical = (
        _performance_cores_of_macos() or psutil.cpu_count(logical=False) or os.cpu_count() or 1
    )
    usable = len(psutil.Process().cpu_affinity()) if sys.platform == "win32" else physical
    return max(1, min(physical, usable))


def linux_threads(root: Path, usable: Collection[int]) -> int:
    """As `useful_threads`, for a process that may run on the CPUs `usable` of the system whose files are below `root`.

    Files that are missing or say something else mean no limit.
    """
    cores = count_cores(root, performance_cpus(root, usable))
    quota = cpu_quota(root)
    return max(1, cores if quota is None else min(cores, int(quota)))


def parse_cpu_list(text: str) -> frozenset[int]:
    """The kernel's lists of CPUs, such as `0-3,8`. Raises ValueError for what is none."""
    cpus: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        cpus.update(range(int(first), int(last or first) + 1))
    return frozenset(cpus)


def parse_quota_v2(text: str) -> float | None:
    """CPUs that `cpu.max` allows, such as `150000 100000`; None: no limit."""
    quota, _, period = text.strip().partition(" ")
    return None if quota in ("", "max") else _ratio(quota, period or "100000")


def parse_quota_v1(quota: str, period: str) -> float | None:
    """CPUs that `cpu.cfs_quota_us` and `cpu.cfs_period_us` allow; None: no limit."""
    return None if quota.strip().startswith("-") else _ratio(quota, period)


def performance_cpus(root: Path, usable: Collection[int]) -> frozenset[int]:
    """Those of `usable` on performance cores; all of them where the cores are alike, or none of them is fast."""
    hybrid = _read(root / "sys/devices/cpu_core/cpus")  # Intel
    if hybrid:
        return frozenset(usable) & _cpus(hybrid) or frozenset(usable)
    for file in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):  # ARM; AMD and others
        speeds = {cpu: _number(_read(_cpu_folder(root, cpu) / file)) for cpu in usable}
        if speeds and all(speeds.values()):
            return frozenset(
                cpu for cpu, speed in speeds.items() if speed >= _FAST * max(speeds.values())
            )
    return frozenset(usable)


def count_cores(root: Path, cpus: Collection[int]) -> int:
    """Physical cores that `cpus` lie on; each is one of its own where the kernel does not say."""
    cores = {
        _cpus(_read(_cpu_folder(root, cpu) / "topology/thread_siblings_list")) or frozenset({cpu})
        for cpu in cpus
    }
    return len(cores)


def cpu_quota(root: Path) -> float | None:
    """CPUs that the control groups of this process allow, the strictest of a group and those above it; None: no limit.

    In a container the path of the group may be the host's: then only the top of what is mounted counts.
    """
    quotas = [
        quota
        for folder, version in _groups(root)
        if (quota := _quota_of(folder, version)) is not None
    ]
    return min(quotas, default=None)


def _groups(root: Path) -> Iterator[tuple[Path, int]]:
    """The folders of this process' groups and those above, with the version of their interface."""
    mounted = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
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
    return allowed / each if allowed and each else None


def _number(text: str) -> int:
    """0 for what is no number."""
    return int(text) if text.strip().isdecimal() else 0


def _cpus(text: str) -> frozenset[int]:
    """Empty for what is no list."""
    try:
        return parse_cpu_list(text)
    except ValueError:
        return frozenset()


def _cpu_folder(root: Path, cpu: int) -> Path:
    return root / f"sys/devices/system/cpu/cpu{cpu}"


def _read(path: Path) -> str:
    """Empty where there is no such file: old kernels, other systems, containers that hide it."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _performance_cores_of_macos() -> int:
    """0 on other systems, and on Macs whose cores are alike."""
    if sys.platform != "darwin":
        return 0
    count, size = ctypes.c_int(0), ctypes.c_size_t(ctypes.sizeof(ctypes.c_int))
    libc = ctypes.CDLL(None)
    failed = libc.sysctlbyname(
        b"hw.perflevel0.physicalcpu", ctypes.byref(count), ctypes.byref(size), None, 0
    )
    return 0 if failed else count.value
