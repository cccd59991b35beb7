"""Finds where a text that is being written has begun to say the same again and again, and where to cut it then.

Owns what counts as that: a unit (letters, words, lines, items of a list whose number counts) that follows itself so
often, and for so long, that no honest text does. What is measured is the end of the text, so the cost of a token does
not depend on how long the text is.

An honest text repeats, too: refrains, rulers, rows of a table, zeros of an array. So words may fill `_WORDS` characters
with the same, a single word or mere signs and numbers more; `_LINES_OF_SIGNS` lines of signs alone, such as those of
empty code blocks, are enough. What the user's own text repeats may be repeated as it is, and what it asks for a
number of times (`Write “I am sorry” 100 times`) so often.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_WINDOW = 16_384
_BETWEEN_CHECKS = 48
_PROBE = 24
_MOST_PROBES = 8

_LEAST_TIMES = 4
_WORDS = 800
_LONG_UNITS = 5
"""So often at least comes a unit of words that is longer than a fifth of `_WORDS`."""
_ONE_WORD = 1_600
_SIGNS = 4_000
_EMOJI = 1_600
_LINES_OF_SIGNS = 100
_COUNTED = 2_000
_COUNTED_TIMES = 12
_LONGEST_COUNTED = _WINDOW // _COUNTED_TIMES
_BLANK = 1_000
_BLANK_LINES = 60

_MOST_ASKED = 12_000
"""Characters that may be the same because the user asked for it so often: what is looked at must hold them."""

_NUMBER = re.compile(r"\d+")
_TIMES = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:,\d{3})|\d{1,4})[ -]?"
    r"(?:times|x\b|×|lines|rows|copies|mal\b|Zeilen|fois|veces|vezes|volte|keer|gånger|gange|raz|раз|回|次|遍|번)",
    re.IGNORECASE,
)
_BARE_WORD = re.compile(r"[^\W\d_]+")
_PICTURE = re.compile("[\U0001f300-\U0001faff]")
_WORD = re.compile(r"(?<![^\W_])[^\W\d_]{2,30}(?![^\W_])")
_BORDERS = tuple(re.compile(border) for border in (r"\n", r"(?<=\D[.!?…])\s|(?<=[。！？])", r"\s"))
"""Where a text is best cut: behind a line, else a sentence, else a word."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """The end of a text that says the same again."""

    unit: str
    times: int
    surplus: str
    """The end of the text that can go: what stands before it says the unit once."""


class RepetitionGuard:
    """Fed with a text in pieces. `given` are the texts of the user, which the text may copy."""

    def __init__(self, given: Iterable[str] = ()) -> None:
        self._given = tuple(given)
        self._wanted_times = max(map(_times_asked_for, self._given), default=0)
        self._asked = [_bare(text) for text in self._given] if self._wanted_times else []
        self._text = ""
        self._new: list[str] = []
        self._n_new = 0

    def feed(self, piece: str) -> Repetition | None:
        """What the text repeats now at its end; None as long as it does not."""
        self._new.append(piece)
        self._n_new += len(piece)
        if self._n_new < _BETWEEN_CHECKS:
            return None
        self._text = (self._text + "".join(self._new))[-_WINDOW:]
        self._new.clear()
        self._n_new = 0
        return self._look(self._text)

    def reset(self) -> None:
        """Forget what has come: it had to be like that."""
        self._text = ""
        self._new.clear()
        self._n_new = 0

    def _look(self, text: str) -> Repetition | None:
        for period, length in _runs(text):
            unit = text[-period:]
            if (
                length >= _needed(unit)
                and length >= _LEAST_TIMES * period
                and not self._is_wanted(unit, length, length)
            ):
                return self._found(text, len(text) - length, period, length // period)
        if _NUMBER.search(text, max(len(text) - _LONGEST_COUNTED, 0)) is None:
            return None
        return self._look_for_counters(text)

    def _look_for_counters(self, text: str) -> Repetition | None:
        """The same with another number each time, as in `1. Rest`, `2. Rest`."""
        folded = _NUMBER.sub("0", text)
        for period, length in _runs(folded):
            unit, times = folded[-period:], length // period
            if length < _COUNTED or times < _COUNTED_TIMES or "0" not in unit or not _words(unit):
                continue
            start = _unfolded(text, len(folded) - length)
            numbers = [int(number[0][:18]) for number in _NUMBER.finditer(text, start)]
            if _only_count(numbers, unit.count("0")) and not self._is_wanted(
                unit, length, len(text) - start
            ):
                end = _unfolded(text, len(folded) - length + period)
                return self._found(text, start, end - start, times)
        return None

    def _is_wanted(self, unit: str, length: int, written: int) -> bool:
        """Whether the user's text has what stands at the end, `written` characters, or asks for its unit so often.

        `length` of them are the unit again and again, each number as long as in the unit.
        """
        end = self._text[-written:].strip()
        if not end:
            return False
        if any(end in text for text in self._given):
            return True
        if not self._asked or written > _MOST_ASKED or not (words := _whole_words(unit)):
            return False
        once = next(
            (n for n in range(1, len(words)) if words == words[:n] * (len(words) // n)), len(words)
        )
        turned = [" ".join(words[at:once] + words[:at]) for at in range(once)]
        times = length / len(unit) * len(words) / once
        return times <= self._wanted_times + 1 and any(
            f" {phrase} " in said for said in self._asked for phrase in turned
        )

    def _found(self, text: str, start: int, period: int, times: int) -> Repetition:
        end = start + period
        borders = (border.search(text, end - 1, end + period) for border in _BORDERS)
        border = next(filter(None, borders), None)
        if border is not None:
            end = border.end() if border[0] == "\n" else border.start()
        return Repetition(unit=text[start : start + period], times=times, surplus=text[end:])


def _times_asked_for(text: str) -> int:
    """The most times that a text asks for anything: `100 times`, `90-mal`, `1,000 lines`."""
    return max((int(found[1].replace(",", "")) for found in _TIMES.finditer(text)), default=0)


def _whole_words(unit: str) -> list[str]:
    """The words of a unit that follows itself, where it may begin within one."""
    several = _bare(unit * 3).split()
    return several[1 : 1 + len(several) - len(_bare(unit * 2).split())]


def _bare(text: str) -> str:
    """The words alone, a space around each."""
    return f" {' '.join(_BARE_WORD.findall(text.casefold()))} "


def _runs(text: str) -> Iterable[tuple[int, int]]:
    """Ways in which the end of `text` repeats: the length of the unit, and how much of the end consists of it."""
    probe, end = text[-_PROBE:], len(text) - 1
    if len(probe) < _PROBE:
        return
    for _ in range(_MOST_PROBES):
        at = text.rfind(probe, 0, end)
        if at < 0:
            return
        period = len(text) - _PROBE - at
        yield period, period + _common_end(text, text[:-period])
        end = at + _PROBE - 1


def _common_end(one: str, other: str) -> int:
    """How many characters at their ends are the same."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one.endswith(other[len(other) - middle :]):
            least = middle
        else:
            most = middle - 1
    return least


def _needed(unit: str) -> int:
    """So many characters of this unit, one after the other, are no honest text."""
    if unit.isspace():
        lines = unit.count("\n")
        return min(_BLANK, _BLANK_LINES * len(unit) // lines) if lines else _BLANK
    words = _words(unit)
    if not words:
        if _PICTURE.search(unit):
            return _EMOJI
        lines = 0 if any(map(str.isalnum, unit)) else unit.count("\n")
        return min(_SIGNS, _LINES_OF_SIGNS * len(unit) // lines) if lines else _SIGNS
    if len(words) == 1:
        return max(_ONE_WORD, _LONG_UNITS * len(unit))
    return (
        max(_WORDS, _LONG_UNITS * len(unit))
        if len(unit) < _WINDOW // _LONG_UNITS
        else _LEAST_TIMES * len(unit)
    )


def _words(unit: str) -> set[str]:
    """The different words of a unit that stands between units. Data that looks like letters has none: `AAAA`, `ff`."""
    if unit.isascii() and unit.isalnum():
        return set()
    text = unit * 3
    whole = (word for word in _WORD.finditer(text) if word.start() > 0 and word.end() < len(text))
    words = {word[0].casefold() for word in whole}
    return {word for word in words if len(set(word)) > 1}


def _unfolded(text: str, position: int) -> int:
    """Where in `text` stands what is at this position when each number is one character."""
    shrunk = 0
    for number in _NUMBER.finditer(text):
        if number.start() - shrunk >= position:
            break
        shrunk += len(number[0]) - 1
    return position + shrunk


def _only_count(numbers: list[int], n_columns: int) -> bool:
    """Whether each number of a unit is the same in all units, but for one that counts up or down."""
    counting = 0
    for column in range(n_columns):
        found = numbers[-1 - column :: -n_columns]
        steps = {later - earlier for later, earlier in pairwise(found)}
        if len(steps) != 1:
            return False
        counting += steps != {0}
    return counting <= 1
