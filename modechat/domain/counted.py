"""Writes a number of things in words."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """Return `1 line`, `2 lines` or `1,234 lines` for the noun `line`."""
    return f"1 {noun}" if count == 1 else f"{count:,} {noun}s"
