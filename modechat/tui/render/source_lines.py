"""Lines of Markdown source: what opens and continues the containers around a block."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_EMPTY_LINE = re.compile(r"[\s>]*")
_PREFIX = re.compile(r"(?:[ >]|[-+*](?=[ \n]|$)|\d{1,9}[.)](?=[ \n]|$))*")
_NO_SPACE_OR_BAR = re.compile(r"[^> ]")


def is_blank(line: str) -> bool:
    """True if a line has nothing in it, in whatever quotes."""
    return _EMPTY_LINE.fullmatch(line) is not None


def prefix_of(line: str) -> str:
    """Return the part of a line that opens or continues containers: bars, bullets, numbers and
    their spaces.
    """
    match = _PREFIX.match(line)
    return match[0] if match else ""


def inside(prefix: str) -> str:
    """Return what continues the containers that `prefix` opens."""
    return _NO_SPACE_OR_BAR.sub(" ", prefix).rstrip()


def opening_lines(lines: Sequence[str], opened: Iterable[int]) -> list[str]:
    """Return lines that open the containers that begin in the lines `opened` again, and say
    nothing.

    The last one is blank, so that what follows does not go on with them.
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
