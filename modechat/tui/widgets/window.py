"""Which entries of a long timeline are mounted: a window that moves with the scrolling. Pure."""

from __future__ import annotations

from dataclasses import dataclass

AT_FIRST = 16
PAGE = 12
MOST = 60
"""Entries that are mounted at most, but for those that the screen shows."""


@dataclass(frozen=True, slots=True)
class Window:
    """The entries from `start` to before `end`."""

    start: int = 0
    end: int = 0

    @classmethod
    def at_end(cls, count: int) -> Window:
        return cls(max(0, count - AT_FIRST), count)

    def to_end(self, count: int) -> Window:
        """Up to the end, which has moved; what is then too much goes from the start."""
        return Window(max(self.start, count - MOST), count)

    def earlier(self) -> Window:
        """With a page more at the start; what is then too much goes from the end."""
        start = max(0, self.start - PAGE)
        return Window(start, min(self.end, start + MOST))

    def later(self, count: int) -> Window:
        """With a page more at the end; what is then too much goes from the start."""
        end = min(count, self.end + PAGE)
        return Window(max(self.start, end - MOST), end)
