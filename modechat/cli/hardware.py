"""Finds this machine's system, processor, memory and graphics cards without drivers."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil

_PCI = Path("/sys/class/drm")
_VENDORS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
_SECONDS = 10
_TOOLS = ("nvcc", "hipcc", "glslc")


@dataclass(frozen=True, slots=True)
class Hardware:
    system: str
    """`Linux`, `Darwin` or `Windows`."""
    release: str
    machine: str
    """The processor's architecture as Python was built for it: `x86_64`, `arm64`."""
    cpu: str
    physical_cores: int
    usable_cores: int
    """The logical cores that this process may use."""
    memory_bytes: int
    free_bytes: int
    gpu_vendors: tuple[str, ...]
    """`NVIDIA`, `AMD`, `Intel`, `Apple`; each once."""
    compilers: tuple[str, ...]
    """The installed ones of `nvcc` (CUDA), `hipcc` (ROCm) and `glslc` (Vulkan)."""


def this_machine() -> Hardware:
    memory = psutil.virtual_memory()
    usable = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        usable = len(os.sched_getaffinity(0))
    return Hardware(
        system=platform.system(),
        release=platform.release(),
        machine=platform.machine(),
        cpu=_cpu_name(),
        physical_cores=psutil.cpu_count(logical=False) or usable,
        usable_cores=usable,
        memory_bytes=memory.total,
        free_bytes=memory.available,
        gpu_vendors=_gpu_vendors(),
        compilers=tuple(filter(shutil.which, _TOOLS)),
    )


def _cpu_name() -> str:
    if platform.system() == "Linux":
        for line in _read(Path("/proc/cpuinfo")).splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    if platform.system() == "Darwin":
        return _output_of("sysctl", "-n", "machdep.cpu.brand_string")
    return platform.processor() or platform.machine()


def _gpu_vendors() -> tuple[str, ...]:
    found = []
    if platform.system() == "Darwin" and platform.machine() == "arm64":
        found.append("Apple")
    if shutil.which("nvidia-smi") and _output_of("nvidia-smi", "-L"):
        found.append("NVIDIA")
    for card in sorted(_PCI.glob("card*/device/vendor")):
        vendor = _VENDORS.get(_read(card))
        if vendor is not None:
            found.append(vendor)
    return tuple(dict.fromkeys(found))


def _read(path: Path) -> str:
    """Return the text of a system file, or "" if it cannot be read."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _output_of(*command: str) -> str:
    """Return the output of a command, or "" if it fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
