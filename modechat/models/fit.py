"""Estimates from a model's header whether it fits into memory, so that the user can choose one.

The engine plans with the sizes of all tensors and devices. This estimate needs only the header and
ignores GPUs.
"""

from __future__ import annotations

from enum import StrEnum

from modechat.domain.context import USUAL_N_CTX
from modechat.models.gguf import GGUFHeader

_BYTES_PER_VALUE = 2
_BUFFERS = 96 << 20
_COMFORT = 0.85  # share of the free memory


class Fit(StrEnum):
    FITS = "fits"
    TIGHT = "tight"
    """The model may load, but leaves little memory for anything else."""
    TOO_LARGE = "too large"


def bytes_needed(header: GGUFHeader, size_bytes: int) -> int:
    """Return the bytes that a model takes with the usual context."""
    n_ctx = max(min(header.n_ctx_train or USUAL_N_CTX, USUAL_N_CTX), 0)
    return size_bytes + n_ctx * kv_bytes_per_token(header) + _BUFFERS


def kv_bytes_per_token(header: GGUFHeader) -> int:
    """Return the bytes that a token takes in a KV cache of f16 values."""
    found = header.hyperparameters
    return sum(found.kv_values(found.n_layers)) * _BYTES_PER_VALUE


def fit(needed: int, free: int) -> Fit:
    """Tell how `needed` bytes fit into `free`, the bytes available to the system's processes."""
    if needed <= free * _COMFORT:
        return Fit.FITS
    return Fit.TIGHT if needed <= free else Fit.TOO_LARGE
