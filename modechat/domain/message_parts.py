"""Splits a message into the parts that are shown: text, code in fences, and attached files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from modechat.domain.attachments import block
from modechat.domain.fences import FENCE_LINE, fenced_ranges


class PartKind(Enum):
    TEXT = auto()
    CODE = auto()
    FILE = auto()
    """The text of a file, as `block` writes it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines of a message."""

    text: str
    """The unchanged lines, without the last line break."""
    kind: PartKind
    name: str = ""
    """The name of a file; for code, the text after the fence."""
    content: str = ""
    """The text of a file or of code."""


def parts_of(text: str) -> list[Part]:
    """Split a message into its parts. Code without a closing fence counts as text."""
    parts: list[Part] = []
    at = 0
    for start, end in fenced_ranges(text):
        code = _read_code(text[start:end])
        if code is None:
            continue
        file = _read_file(text, at, start, code)
        if file is not None:
            start, code = file
        if start > at:
            parts.append(Part(text[at : start - 1], PartKind.TEXT))
        parts.append(code)
        at = end + 1
    if at < len(text) or not parts:
        parts.append(Part(text[at:], PartKind.TEXT))
    return parts


def _read_code(text: str) -> Part | None:
    """Return the code between two fences, or None if the last line does not close the fence."""
    first, *lines = text.split("\n")
    opening = FENCE_LINE.fullmatch(first)
    if opening is None or not lines:
        return None
    last = FENCE_LINE.fullmatch(lines[-1])
    if last is None or last[2].strip() or not last[1].startswith(opening[1]):
        return None
    return Part(text, PartKind.CODE, opening[2].strip(), "\n".join(lines[:-1]))


def _read_file(text: str, at: int, start: int, code: Part) -> tuple[int, Part] | None:
    """Return the file part whose code begins at `start`, with its own start, or None.

    The line above the code must name a file. Lines before `at` belong to earlier parts.
    """
    begin = text.rfind("\n", 0, max(0, start - 1)) + 1
    name = text[begin : max(begin, start - 1)].removesuffix(":")
    whole = text[begin : start + len(code.text)]
    if begin < at or not name or block(name, code.content) != whole:
        return None
    return begin, Part(whole, PartKind.FILE, name, code.content)
