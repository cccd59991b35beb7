"""Chooses the length of the context: as long as helps, and never longer than memory allows.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable

from modechat.domain.context import USUAL_N_CTX

LONGEST_ON_CPU = 16_384
"""Tokens: evaluating that many takes a CPU minutes."""
LONGEST_ON_GPU = 32_768
_STEP = 1024
_LEAST, _LEAST_STEP = 512, 256
_SHARE = 4
"""The context may take one such part (a quarter) of the memory that the weights leave free."""
_SAFE = 0.8
"""The share of the same memory that even a short context may take."""


def choose_n_ctx(
    kv_bytes: Callable[[int], int], n_ctx_train: int, free_bytes: int, longest: int
) -> int:
    """Return the length of the context in tokens.

    It is the length that the model was trained for, at most `longest`, within a quarter of the free
    memory; up to 4096 tokens may take most of it. `free_bytes` is what the weights leave;
    `kv_bytes` returns the bytes that a context takes.

    The length is never below 512 tokens, or the trained length if that is less: the caller checks
    that these fit.
    """
    most = min(n_ctx_train or USUAL_N_CTX, longest)
    enough = min(USUAL_N_CTX, most)
    if kv_bytes(most) <= free_bytes // _SHARE:
        return most
    longer = _largest_fitting(kv_bytes, enough, most, _STEP, free_bytes // _SHARE)
    if longer > enough or kv_bytes(enough) <= free_bytes * _SAFE:
        return max(longer, enough)
    return longest_safe(kv_bytes, enough, free_bytes, min(_LEAST, most))


def longest_safe(
    kv_bytes: Callable[[int], int], most: int, free_bytes: int, least: int = _LEAST_STEP
) -> int:
    """Return the longest context, up to `most` tokens, that takes no more memory than it may.

    If none does, it is `least`.
    """
    return _largest_fitting(kv_bytes, least, most, _LEAST_STEP, int(free_bytes * _SAFE))


def as_needed(chosen: int, needed: int | None) -> int:
    """Return the chosen length, or the needed one if that is less."""
    return chosen if needed is None else min(chosen, needed)


def _largest_fitting(
    kv_bytes: Callable[[int], int], least: int, most: int, step: int, free_bytes: int
) -> int:
    """Return the largest fitting multiple of `step` from `least` to `most`; else `least`."""
    low, high = least // step, most // step
    while low < high:
        middle = (low + high + 1) // 2
        if kv_bytes(middle * step) <= free_bytes:
            low = middle
        else:
            high = middle - 1
    return max(low * step, least)
