"""Where a model really is, from llama.cpp's own report in its log."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OFFLOADED = re.compile(r"offloaded (\d+)/(\d+) layers to GPU")
_BUFFER = re.compile(r":\s*(\S+)\s+(model|KV|RS|output|compute) buffer size =\s*([\d.]+) MiB")
_FLASH_ATTENTION_OFF = re.compile(
    r"flash.attention not supported|flash_attn is not compatible", re.IGNORECASE
)
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Placement:
    n_gpu_layers: int
    n_all: int
    """Layers of the model, its output layer counted as one; 0: the log does not say."""
    gpu_bytes: int
    """What weights, KV cache and buffers take on the devices."""
    flash_attention: bool

    def badge(self, why_not: str) -> str:
        """`GPU 28/28 · 3.1 GiB`; or the CPU, with the reason if there is one."""
        if self.n_gpu_layers:
            return f"GPU {self.n_gpu_layers}/{self.n_all} · {shown_size(self.gpu_bytes)}"
        return f"CPU: {why_not}" if why_not else "CPU"


def read_placement(
    lines: Iterable[str], devices: Sequence[str], *, flash_attention: bool
) -> Placement:
    """From the log lines of one load. `devices` are those that layers may be on, `flash_attention` what was asked."""
    n_gpu_layers = n_all = 0
    sizes: dict[tuple[str, str], float] = {}
    for line in lines:
        if found := _OFFLOADED.search(line):
            n_gpu_layers, n_all = int(found[1]), int(found[2])
        elif found := _BUFFER.search(line):
            name, what, mib = found[1], found[2], float(found[3])
            if any(name == device or name.startswith(f"{device}_") for device in devices):
                of_before = (
                    0.0 if what == "compute" else sizes.get((name, what), 0.0)
                )  # it is told again when it grows
                sizes[name, what] = of_before + mib
        elif _FLASH_ATTENTION_OFF.search(line):
            flash_attention = False
    return Placement(n_gpu_layers, n_all, int(sum(sizes.values()) * _MIB), flash_attention)


def shown_size(n_bytes: int) -> str:
    """`3.1 GiB`, or `214 MiB`."""
    return f"{n_bytes / (1 << 30):.1f} GiB" if n_bytes >= 1 << 30 else f"{n_bytes / _MIB:.0f} MiB"
