"""Estimates from its header whether a model fits into memory, so that the user can choose one.

The engine plans with the sizes of all tensors and devices; this needs only the header, and knows no
GPU.
"""

from __future__ import annotations

from enum import StrEnum

from modechat.models.gguf import GGUFHeader

USUAL_CONTEXT = 4096
"""Tokens: the engine's least context, unless the user chooses another."""

_BYTES_PER_VALUE = 2
_MOST = 1 << 20  # files may say any number
_BUFFERS = 96 << 20
_COMFORT = 0.85  # of the memory that is free


class Fit(StrEnum):
    FITS = "fits"
    TIGHT = "tight"
    """It may load, and leaves little for anything else."""
    TOO_LARGE = "too large"


def bytes_needed(header: GGUFHeader, size_bytes: int, n_ctx: int | None = None) -> int:
    """Return the bytes that a model takes with `n_ctx` tokens of context (None: the usual)."""
    usual = min(header.n_ctx_train or USUAL_CONTEXT, USUAL_CONTEXT)
    n_ctx = min(max(n_ctx or usual, 0), _MOST)
    return size_bytes + n_ctx * kv_bytes_per_token(header) + _BUFFERS


def kv_bytes_per_token(header: GGUFHeader) -> int:
    """Return what a token takes in a KV cache of f16 values."""
    found = header.hyperparameters
    return sum(found.kv_values(found.n_layers)) * _BYTES_PER_VALUE


def fit(needed: int, free: int) -> Fit:
    """Compare with `free`, the bytes of memory that are available to the system's processes."""
    if needed <= free * _COMFORT:
        return Fit.FITS
    return Fit.TIGHT if needed <= free else Fit.TOO_LARGE
