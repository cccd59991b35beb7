"""Chooses how long the context is: as long as helps, and never longer than memory allows. Pure."""

from __future__ import annotations

from collections.abc import Callable

LONGEST_ON_CPU = 16_384  # tokens: reading that many takes a CPU minutes
LONGEST_ON_GPU = 32_768
ENOUGH = 4096
_STEP = 1024
_LEAST, _LEAST_STEP = 512, 256
_SHARE = 4  # of the memory that the weights leave free
_SAFE = 0.8  # of it, where even a short context takes more than its share


def choose_n_ctx(
    kv_bytes: Callable[[int], int], n_ctx_train: int, free_bytes: int, longest: int
) -> int:
    """The context in tokens: what the model was trained for, at most `longest`, in a quarter of the free memory; 4096
    tokens may take most of it. `free_bytes` is what the weights leave; `kv_bytes` tells what a context takes.

    Never below 512 tokens, or what the model was trained for: whether those fit is for the caller to find out.
    """
    most = min(n_ctx_train or ENOUGH, longest)
    enough = min(ENOUGH, most)
    if kv_bytes(most) <= free_bytes // _SHARE:
        return most
    longer = largest_fitting(kv_bytes, enough, most, _STEP, free_bytes // _SHARE)
    if longer > enough or kv_bytes(enough) <= free_bytes * _SAFE:
        return max(longer, enough)
    return largest_fitting(
        kv_bytes, min(_LEAST, most), enough, _LEAST_STEP, int(free_bytes * _SAFE)
    )


def as_needed(chosen: int, needed: int | None) -> int:
    """The chosen length, or less where less is needed: a longer one takes time and memory for nothing."""
    return chosen if needed is None else min(chosen, needed)


def largest_fitting(
    kv_bytes: Callable[[int], int], least: int, most: int, step: int, free_bytes: int
) -> int:
    """The largest multiple of `step` from `least` to `most` that takes at most `free_bytes`; `least` if none does."""
    low, high = least // step, most // step
    while low < high:
        middle = (low + high + 1) // 2
        if kv_bytes(middle * step) <= free_bytes:
            low = middle
        else:
            high = middle - 1
    return max(low * step, least)
