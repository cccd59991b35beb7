"""Compares two things on a machine that others use too: by turns, and by medians."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence


def median_seconds(name: str, seconds: Sequence[float]) -> float:
    """The median of the measurements, after printing it with their range."""
    middle = statistics.median(seconds)
    print(
        f"{name}: median {middle:.3f} s ({min(seconds):.3f} to {max(seconds):.3f}, {len(seconds)} times)"
    )
    return middle


def compare(
    ours: tuple[str, Callable[[], float]],
    theirs: tuple[str, Callable[[], float]],
    *,
    pairs: int,
    target: float,
) -> bool:
    """Measure A B A B ...; print both medians and their ratio; whether it is at most `target`.

    A measurement returns seconds. The first pair does not count: it fills the caches.
    """
    measured: list[tuple[float, float]] = [(ours[1](), theirs[1]()) for _ in range(pairs + 1)][1:]
    ours_median = median_seconds(ours[0], [pair[0] for pair in measured])
    theirs_median = median_seconds(theirs[0], [pair[1] for pair in measured])
    ratio = ours_median / theirs_median
    verdict = "as promised" if ratio <= target else "MISSED"
    load = f", load of the machine {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"ratio: {ratio:.2f} (target: at most {target}): {verdict}{load}")
    return ratio <= target
