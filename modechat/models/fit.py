"""Whether a model fits into memory: an estimate from its header, for the user to choose by before anything is loaded.

The engine plans with the sizes of all tensors and devices; this only needs the header, and knows no GPU.
"""

from __future__ import annotations

from enum import StrEnum

from modechat.models.gguf import GGUFHeader

USUAL_CONTEXT = 4096
"""Tokens: what the engine has at least, where nothing says otherwise."""

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
    """What a model of this size takes with `n_ctx` tokens of context (None: the usual): weights, KV cache, buffers."""
    usual = min(header.n_ctx_train or USUAL_CONTEXT, USUAL_CONTEXT)
    n_ctx = min(max(n_ctx or usual, 0), _MOST)
    return size_bytes + n_ctx * kv_bytes_per_token(header) + _BUFFERS


def kv_bytes_per_token(header: GGUFHeader) -> int:
    """In f16. Files that have other numbers for each layer count as if they had none: too high rather than too low."""

    def number(key: str, default: int) -> int:
        value = header.metadata.get(f"{header.architecture}.{key}", default)
        return min(max(value, 0), _MOST) if type(value) is int else default

    n_head = number("attention.head_count", 1) or 1
    head_size = number("embedding_length", 0) // n_head
    key, value = (
        number("attention.key_length", head_size),
        number("attention.value_length", head_size),
    )
    if number("attention.key_length_mla", 0):
        value = 0  # latent attention keeps one vector for both
    return (
        number("block_count", 1)
        * number("attention.head_count_kv", n_head)
        * (key + value)
        * _BYTES_PER_VALUE
    )


def fit(needed: int, free: int) -> Fit:
    """`free` is the memory that is available to the system's processes, in bytes."""
    if needed <= free * _COMFORT:
        return Fit.FITS
    return Fit.TIGHT if needed <= free else Fit.TOO_LARGE
