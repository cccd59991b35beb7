"""Whether the terminal's ground is light: how it is asked (OSC 11), and its answer among the keys.

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
"""How the names of terminals begin that would print the question, or never answer."""


def can_be_asked(env: Mapping[str, str]) -> bool:
    term = env.get("TERM", "")
    return bool(term) and not term.startswith(_SILENT)


def take_answer(data: str) -> tuple[bool | None, str]:
    """Whether the ground is light, if that is said in `data`; and what else is in it."""
    match = _ANSWER.search(data)
    return (_is_light(match) if match else None), _REPORT.sub("", data)


class Answers:
    """Takes the terminal's answer out of what is read, however the reads cut it."""

    def __init__(self) -> None:
        self._held = ""
        """What could be the beginning of an answer."""

    @property
    def is_amid(self) -> bool:
        return bool(self._held)

    def read(self, data: str, *, is_expected: bool = False) -> tuple[bool | None, str]:
        """As `take_answer`.

        While one is expected, an escape at the end may be its beginning, else it is a key.
        """
        is_light, rest = take_answer(self._held + data)
        self._held = ""
        begun = _BEGINNING.search(rest)
        if begun is not None and len(begun[0]) <= _LONGEST:
            self._held, rest = begun[0], rest[: begun.start()]
        elif is_expected and rest.endswith("\x1b"):
            self._held, rest = "\x1b", rest[:-1]
        return is_light, rest

    def give_up(self) -> str:
        """No more comes: what is no answer, then.

        The rest of one that was cut is nothing that anybody typed.
        """
        held, self._held = self._held, ""
        return held if len(held) <= len("\x1b]") else ""


def _is_light(answer: re.Match[str]) -> bool:
    parts = [int(part, 16) / (16 ** len(part) - 1) for part in answer.groups() if part is not None]
    red, green, blue = (math.pow(part, 2.2) for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > _MIDDLE
