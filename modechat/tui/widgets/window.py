"""Which entries of a long timeline are mounted: a window that moves with the scrolling. Pure."""

from __future__ import annotations

from dataclasses import dataclass

AT_FIRST = 16
PAGE = 12
MOST = 60
"""Entries that are mounted at most, apart from those that the screen shows."""


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
        """Return what is left of it if there are only `count` entries."""
        return Window(min(self.start, count), min(self.end, count))

    def to_end(self, count: int) -> Window:
        """Extend it to the end, which has moved; drop from the start what is then too much."""
        return Window(max(self.start, count - MOST), count)

    def with_others_from(self, index: int, count: int) -> Window:
        """Return where it stays when other entries come in the place of those from `index` on."""
        start, end = min(self.start, max(0, count - 1)), self.end
        if index <= end:
            end = min(count, max(end, index + PAGE))
        return Window(max(start, end - MOST), end)

    def earlier(self) -> Window:
        """Add a page at the start; drop from the end what is then too much."""
        start = max(0, self.start - PAGE)
        return Window(start, min(self.end, start + MOST))

    def later(self, count: int) -> Window:
        """Add a page at the end; drop from the start what is then too much."""
        end = min(count, self.end + PAGE)
        return Window(max(self.start, end - MOST), end)
