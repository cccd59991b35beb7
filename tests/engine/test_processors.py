"""How many threads help at most, from what Linux' files say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from modechat.engine.worker.evaluation.processors import (
    linux_threads,
    parse_cpu_list,
    parse_quota_v1,
    parse_quota_v2,
    useful_threads,
)

CPUS = "sys/devices/system/cpu"


def system(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def siblings(*cores: str) -> dict[str, str]:
    """The topology of cores, each given as the kernel's list of its CPUs."""
    return {
        f"{CPUS}/cpu{cpu}/topology/thread_siblings_list": f"{core}\n"
        for core in cores
        for cpu in parse_cpu_list(core)
    }


def per_cpu(file: str, values: list[int]) -> dict[str, str]:
    return {f"{CPUS}/cpu{cpu}/{file}": f"{value}\n" for cpu, value in enumerate(values)}


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("0\n", {0}), ("0-3,8\n", {0, 1, 2, 3, 8}), ("", set()), ("\n", set()), ("5,7-7", {5, 7})],
)
def test_a_list_of_cpus_is_read_as_the_kernel_writes_it(text: str, cpus: set[int]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("max 100000\n", None),
        ("150000 100000\n", 1.5),
        ("400000 50000\n", 8.0),
        ("50000\n", 0.5),
        ("", None),
        ("0 100000", None),
        ("nonsense", None),
    ],
)
def test_a_quota_of_version_2_is_read(text: str, quota: float | None) -> None:
    assert parse_quota_v2(text) == quota


@pytest.mark.parametrize(
    ("allowed", "period", "quota"),
    [
        ("-1\n", "100000\n", None),
        ("250000\n", "100000\n", 2.5),
        ("100000", "0", None),
        ("x", "y", None),
    ],
)
def test_a_quota_of_version_1_is_read(allowed: str, period: str, quota: float | None) -> None:
    assert parse_quota_v1(allowed, period) == quota


INTEL_HYBRID = siblings("0-1", "2-3", "4", "5", "6", "7") | {"sys/devices/cpu_core/cpus": "0-3\n"}
DESKTOP = siblings("0,8", "1,9", "2,10", "3,11", "4,12", "5,13", "6,14", "7,15")


@pytest.mark.parametrize(
    ("name", "usable", "files", "threads"),
    [
        ("nothing is known", 4, {}, 4),
        ("eight cores of two threads each", 16, DESKTOP, 8),
        ("pinned to two threads of one core", [0, 8], DESKTOP, 1),
        ("performance and efficiency cores of Intel", 8, INTEL_HYBRID, 2),
        ("pinned to efficiency cores", [4, 5, 6], INTEL_HYBRID, 3),
        ("big and little cores of ARM", 8, per_cpu("cpu_capacity", [446] * 4 + [1024] * 4), 4),
        ("three kinds of ARM cores", 8, per_cpu("cpu_capacity", [250] * 4 + [870] * 3 + [1024]), 4),
        ("cores that differ a little", 4, per_cpu("cpufreq/cpuinfo_max_freq", [5100000, 5050000, 4900000, 5000000]), 4),
        ("cores of two speeds", 6, per_cpu("cpufreq/cpuinfo_max_freq", [5100000] * 2 + [3300000] * 4), 2),
        ("speeds that are not known everywhere", 4, per_cpu("cpu_capacity", [1024, 300]), 4),
        ("a container's quota", 8, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "300000 100000\n"}, 3),
        ("a quota of less than one", 8, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        ("no quota", 8, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        (
            "the strictest group above counts",
            8,
            {
                "proc/self/cgroup": "0::/user.slice/session.scope\n",
                "sys/fs/cgroup/user.slice/session.scope/cpu.max": "600000 100000\n",
                "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            },
            2,
        ),
        (
            "version 1, with the host's path in a container",
            8,
            {
                "proc/self/cgroup": "7:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "450000\n",
                "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            "version 1 without a limit",
            8,
            {
                "proc/self/cgroup": "4:cpu:/\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        ("a path out of the groups", 8, {"proc/self/cgroup": "0::/../..\n", "sys/cpu.max": "100000 100000\n"}, 8),
        ("files that say nonsense", 4, {"proc/self/cgroup": "what\n", f"{CPUS}/cpu0/cpu_capacity": "x"}, 4),
    ],
)  # fmt: skip
def test_the_threads_that_help_on_linux(
    name: str, usable: int | list[int], files: dict[str, str], threads: int, tmp_path: Path
) -> None:
    cpus = range(usable) if isinstance(usable, int) else usable
    assert linux_threads(system(tmp_path, files), cpus) == threads, name


def test_on_this_machine_there_is_a_thread_and_no_more_than_cores() -> None:
    assert 1 <= useful_threads() <= (psutil.cpu_count(logical=True) or 1)
