"""If the terminal's background is light: how it is asked (OSC 11), and its answer among the keys.

It imports nothing of Textual: the terminal is asked while that is being imported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

QUERY = "\x1b]11;?\x07"
_ANSWER = re.compile(
    r"\x1b\]11;(?:rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/[0-9a-fA-F]{1,4})?"
    r"|#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2}))(?:\x07|\x1b\\)"
)
_REPORT = re.compile(r"\x1b\]\d[^\x07\x1b]*(?:\x07|\x1b\\)")
_BEGINNING = re.compile(r"\x1b\](?:\d[^\x07\x1b]*\x1b?)?\Z")
_LONGEST = 64
"""Characters of an answer; what is longer is none."""
_MIDDLE = 0.18
"""The relative luminance on which black and white can be read equally well."""
_SILENT = ("linux", "dumb", "unknown", "vt", "cons", "sun", "eterm", "cygwin")
"""The names of terminals that would print the question, or never answer, begin so."""


def can_be_asked(env: Mapping[str, str]) -> bool:
    term = env.get("TERM", "")
    return bool(term) and not term.startswith(_SILENT)


def read_answer(data: str) -> tuple[bool | None, str]:
    """Return True for a light background, None without an answer; and the rest of `data`."""
    match = _ANSWER.search(data)
    is_light = None if match is None else _is_light(match)
    return is_light, _REPORT.sub("", data)


class Answers:
    """Separates the terminal's answer from the keys, however the reads cut it."""

    def __init__(self) -> None:
        self._held = ""
        """What could be the beginning of an answer."""

    @property
    def is_incomplete(self) -> bool:
        return bool(self._held)

    def read(self, data: str, *, is_expected: bool = False) -> tuple[bool | None, str]:
        """As `read_answer`. An escape at the end may be the beginning of an expected answer."""
        is_light, rest = read_answer(self._held + data)
        self._held = ""
        begun = _BEGINNING.search(rest)
        if begun is not None and len(begun[0]) <= _LONGEST:
            self._held, rest = begun[0], rest[: begun.start()]
        elif is_expected and rest.endswith("\x1b"):
            self._held, rest = "\x1b", rest[:-1]
        return is_light, rest

    def finish(self) -> str:
        """Return the keys in what is held: no more comes. The beginning of an answer is none."""
        held, self._held = self._held, ""
        if len(held) > len("\x1b]"):
            return ""
        return held


def _is_light(answer: re.Match[str]) -> bool:
    parts: list[float] = []
    for digits in answer.groups():
        if digits is not None:
            share = int(digits, 16) / (16 ** len(digits) - 1)
            parts.append(math.pow(share, 2.2))
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > _MIDDLE
