"""Asks the terminal if its background is light (OSC 11), and finds the answer among the keys.

It imports nothing of Textual: the terminal is asked while Textual is being imported.
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
"""The most characters of an answer; a longer text is not an answer."""
_MIDDLE = 0.18
"""The relative luminance at which black and white text are equally readable."""
_SILENT = ("linux", "dumb", "unknown", "vt", "cons", "sun", "eterm", "cygwin")
"""Prefixes of the TERM names of terminals that would print the question, or never answer."""


def can_be_asked(env: Mapping[str, str]) -> bool:
    term = env.get("TERM", "")
    return bool(term) and not term.startswith(_SILENT)


def read_answer(data: str) -> tuple[bool | None, str]:
    """Return True for a light background, or None without an answer; and the rest of `data`."""
    match = _ANSWER.search(data)
    is_light = None if match is None else _is_light(match)
    return is_light, _REPORT.sub("", data)


class Answers:
    """Separates the terminal's answer from the keys, even if an answer comes in several reads."""

    def __init__(self) -> None:
        self._held = ""
        """Text that may be the beginning of an answer."""

    @property
    def is_incomplete(self) -> bool:
        return bool(self._held)

    def read(self, data: str, *, is_expected: bool = False) -> tuple[bool | None, str]:
        """Do the same as `read_answer`, and hold back the beginning of an answer.

        `is_expected`: an answer has yet to come, so an escape at the end may be its beginning.
        """
        is_light, rest = read_answer(self._held + data)
        self._held = ""
        begun = _BEGINNING.search(rest)
        if begun is not None and len(begun[0]) <= _LONGEST:
            self._held, rest = begun[0], rest[: begun.start()]
        elif is_expected and rest.endswith("\x1b"):
            self._held, rest = "\x1b", rest[:-1]
        return is_light, rest

    def finish(self) -> str:
        """Return the keys in the held text, because no more comes.

        The beginning of an answer holds no keys.
        """
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
