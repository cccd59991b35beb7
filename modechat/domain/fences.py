"""Finds the lines of a message that belong to code fences of Markdown."""

from __future__ import annotations

import re

FENCE_LINE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
"""A line that may open or close a fence. Group 1 is the fence, group 2 is the text after it."""


class FenceScanner:
    """Follows the code fences of a text that is fed line by line."""

    def __init__(self) -> None:
        self._fence = ""

    @property
    def is_open(self) -> bool:
        """True if the next line is inside a fence."""
        return bool(self._fence)

    def feed(self, line: str) -> bool:
        """Return True if this line opens or closes a fence, or is inside one."""
        match = FENCE_LINE.fullmatch(line)
        if self._fence:
            if match and match[1].startswith(self._fence) and not match[2].strip():
                self._fence = ""
            return True
        if match is None or (match[1][0] == "`" and "`" in match[2]):
            return False
        self._fence = match[1]
        return True


def fenced_ranges(text: str) -> list[tuple[int, int]]:
    """Return the character ranges of code fences; an unclosed fence ends with the text."""
    if "```" not in text and "~~~" not in text:
        return []
    ranges: list[tuple[int, int]] = []
    fences = FenceScanner()
    opened = at = 0
    for line in text.split("\n"):
        was_open = fences.is_open
        fences.feed(line)
        if fences.is_open and not was_open:
            opened = at
        elif was_open and not fences.is_open:
            ranges.append((opened, at + len(line)))
        at += len(line) + 1
    if fences.is_open:
        ranges.append((opened, len(text)))
    return ranges
