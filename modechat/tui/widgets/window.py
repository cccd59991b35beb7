"""Computes which entries of a long timeline are mounted: a window that moves with the scrolling."""

from __future__ import annotations

from dataclasses import dataclass

AT_FIRST = 16
PAGE = 12
MOST = 60
"""The most entries that are mounted."""


@dataclass(frozen=True, slots=True)
class Window:
    """The entries from `start` to before `end`."""

    start: int = 0
    end: int = 0

    @classmethod
    def at_end(cls, count: int) -> Window:
        return cls(max(0, count - AT_FIRST), count)

    @classmethod
    def around(cls, index: int, count: int) -> Window:
        return cls(max(0, index - PAGE), min(count, index + PAGE))

    def __contains__(self, index: int) -> bool:
        return self.start <= index < self.end

    def within(self, count: int) -> Window:
        """Return the window that remains if there are only `count` entries."""
        return Window(min(self.start, count), min(self.end, count))

    def to_end(self, count: int) -> Window:
        """Return the window extended to the new end. If it is too long, its start moves."""
        return Window(max(self.start, count - MOST), count)

    def with_others_from(self, index: int, count: int) -> Window:
        """Return the window after other entries replaced those from `index` on."""
        start, end = min(self.start, max(0, count - 1)), self.end
        if index <= end:
            end = min(count, max(end, index + PAGE))
        return Window(max(start, end - MOST), end)

    def earlier(self) -> Window:
        """Return the window with another page at the start. If it is too long, its end moves."""
        start = max(0, self.start - PAGE)
        return Window(start, min(self.end, start + MOST))

    def later(self, count: int) -> Window:
        """Return the window with another page at the end. If it is too long, its start moves."""
        end = min(count, self.end + PAGE)
        return Window(max(self.start, end - MOST), end)
