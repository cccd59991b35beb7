"""Reads llama.cpp's log lines; nothing else does.

The lines are those of llama.cpp in llama-cpp-python 0.3.36; another version may word them
differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_BUFFER = re.compile(r":\s*(\S+)\s+(model|KV|RS|output|compute) buffer size =\s*([\d.]+) MiB")
_NO_FLASH_ATTENTION = re.compile(
    r"flash.attention not supported|flash_attn is not compatible", re.IGNORECASE
)
_STOPPED = re.compile(
    r"graph_compute\S* failed with error 1\b|compute status: 1\b|removing memory module entries"
    r"|failed to decode, ret = 2\b"
)
_UNKNOWN_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
_NO_MEMORY = ("unable to allocate", "failed to allocate")
_COMPLAINTS = (("alloc", "memory", "buffer size exceeds"), ("error",), ("failed", "unable"))
"""Words of complaints, the most informative ones first."""
_GPU = re.compile(r"\b(?:CUDA|ROCm|HIP|Vulkan|Metal|SYCL|GPU)\d*\b")
_NOTHING_OFFLOADED = re.compile(r"offloaded 0/|no usable GPU|without GPU", re.IGNORECASE)
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The placement of a model, by the log of its load."""

    n_gpu_layers: int
    n_layers: int
    """Layers of the model, its output layer counted as one; 0: the log does not say."""
    gpu_bytes: int
    """Bytes of weights, KV cache and buffers on the devices."""
    flash_attention: bool


def read_load(lines: Iterable[str], devices: Sequence[str], *, flash_attention: bool) -> LoadReport:
    """Read the lines of one load.

    `devices` are those that layers may be on; `flash_attention` is the requested setting.
    """
    n_gpu_layers = n_layers = 0
    sizes: dict[tuple[str, str], float] = {}
    for line in lines:
        if found := _OFFLOADED.search(line):
            n_gpu_layers, n_layers = int(found[1]), int(found[2])
        elif found := _BUFFER.search(line):
            buffer, kind, mib = found[1], found[2], float(found[3])
            if not _is_on(buffer, devices):
                continue
            if kind == "compute":  # its size is logged again when it grows
                sizes[buffer, kind] = mib
            else:
                sizes[buffer, kind] = sizes.get((buffer, kind), 0.0) + mib
        elif _NO_FLASH_ATTENTION.search(line):
            flash_attention = False
    return LoadReport(n_gpu_layers, n_layers, int(sum(sizes.values()) * _MIB), flash_attention)


def _is_on(buffer: str, devices: Sequence[str]) -> bool:
    return any(buffer == device or buffer.startswith(f"{device}_") for device in devices)


def is_about_a_stop(line: str) -> bool:
    """Return True if the line reads like a failure, but only says that the user stopped it."""
    return _STOPPED.search(line) is not None


def unknown_architecture(lines: Iterable[str]) -> str | None:
    """Return the architecture that llama.cpp does not know; None: that is not the cause."""
    for line in lines:
        if found := _UNKNOWN_ARCHITECTURE.search(line):
            return found[1]
    return None


def lacks_memory(lines: Iterable[str]) -> bool:
    """Return True if an allocation failed."""
    return any(words in line for line in lines for words in _NO_MEMORY)


def lacks_kv_type(lines: Iterable[str]) -> bool:
    """Return True if the heads of the model do not divide into blocks of the KV cache's type."""
    return any("does not divide" in line for line in lines)


def cannot_lock_memory(lines: Iterable[str]) -> bool:
    """Return True if the system refused to keep the model in memory."""
    return any("failed to mlock" in line for line in lines)


def reason(lines: Sequence[str]) -> str:
    """Return llama.cpp's complaint about a failure: one about memory if any, else the last one."""
    for words in _COMPLAINTS:
        for line in reversed(lines):
            if " = " not in line and any(word in line.lower() for word in words):
                return re.sub(r"^\w+: (error loading model: )?", "", line.strip()).rstrip(".")
    return "it gave no reason"


def adapter_reason(lines: Sequence[str]) -> str:
    """Return llama.cpp's own words on why it cannot read an adapter."""
    for mark in ("lora adapter: ", "failed to open"):
        for line in reversed(lines):
            if mark in line:
                words = line.partition("adapter: ")[2] or line.rpartition(": ")[2]
                return words or "it gave no reason"
    return "it gave no reason"


def mentions_gpu(lines: Iterable[str]) -> bool:
    """Return True if a GPU seems to be in use."""
    return any(_GPU.search(line) and not _NOTHING_OFFLOADED.search(line) for line in lines)
