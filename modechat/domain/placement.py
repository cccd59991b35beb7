"""The devices that a loaded model runs on, as a value and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from modechat.domain.byte_sizes import shown_bytes


class WhyCPU(StrEnum):
    """The reason why no layer is on a GPU, in words for the user."""

    NO_SUPPORT = "this build has no GPU support"
    NO_GPU = "no GPU found"
    NO_ROOM = "no layer fits on the GPU"
    FAILED = "the GPU failed"


@dataclass(frozen=True, slots=True)
class Placement:
    """The devices of the layers. As text: `GPU 28/28 · 3.3 GB`, or `CPU: no GPU found`."""

    n_gpu_layers: int = 0
    n_layers: int = 0
    """All layers, the output layer counted as one; 0: not known."""
    gpu_bytes: int = 0
    """Memory that weights, KV cache and buffers take on the GPUs."""
    why_cpu: WhyCPU | None = None
    """None: a GPU computes, or the user wanted none."""

    @property
    def badge(self) -> str:
        """The short form, without the reason for the CPU."""
        if self.n_gpu_layers:
            return f"GPU {self.n_gpu_layers}/{self.n_layers} · {shown_bytes(self.gpu_bytes)}"
        return "CPU"

    def __str__(self) -> str:
        return self.badge if self.why_cpu is None else f"{self.badge}: {self.why_cpu}"
