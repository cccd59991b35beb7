"""Formats numbers of bytes for people."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB", "EB")


def shown_bytes(n_bytes: int) -> str:
    """Return a size as download pages write it: decimal units, about three digits (`4.37 GB`)."""
    size, unit = float(n_bytes), "B"
    for larger in _UNITS:
        if size < 999.5:
            break
        size, unit = size / 1000, larger
    if unit == "B" or size >= 99.95:
        return f"{size:,.0f} {unit}"
    return f"{size:,.1f} {unit}" if size >= 9.995 else f"{size:,.2f} {unit}"
