"""Reads and makes the parts of Markdown lines that open and continue containers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_EMPTY_LINE = re.compile(r"[\s>]*")
_PREFIX = re.compile(r"(?:[ >]|[-+*](?=[ \n]|$)|\d{1,9}[.)](?=[ \n]|$))*")
_NO_SPACE_OR_BAR = re.compile(r"[^> ]")


def is_blank(line: str) -> bool:
    """Return True if a line has no text, even if it has the bars of quotes."""
    return _EMPTY_LINE.fullmatch(line) is not None


def prefix_of(line: str) -> str:
    """Return the part of a line that opens or continues containers.

    It consists of bars, bullets, numbers and their spaces.
    """
    match = _PREFIX.match(line)
    return match[0] if match else ""


def inside(prefix: str) -> str:
    """Return the prefix that continues the containers that `prefix` opens."""
    return _NO_SPACE_OR_BAR.sub(" ", prefix).rstrip()


def opening_lines(lines: Sequence[str], opened: Iterable[int]) -> list[str]:
    """Return lines without text that open again the containers that begin in the lines `opened`.

    The last line is blank, so that what follows does not continue the lines.
    """
    opening: list[str] = []
    prefix = ""
    for number in sorted(set(opened)):
        prefix = prefix_of(lines[number])
        space = "" if prefix.endswith(" ") else " "
        opening.append(f"{prefix}{space}x")
    if opening:
        opening.append(inside(prefix))
    return opening
