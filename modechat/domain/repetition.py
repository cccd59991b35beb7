"""Finds repetition at the end of a text that is being written, and where to cut it.

A repetition is a unit (letters, words, lines, items of a list with a number that counts) that
follows itself more often, and for longer, than in any honest text. Only the end of the text is
examined, so the cost of a token does not depend on the length of the text.

Honest texts repeat, too: refrains, rulers, rows of a table, zeros of an array. So repeated words
may fill `_WORDS` characters; a single word, or mere signs and numbers, may fill more.
`_LINES_OF_SIGNS` lines of signs alone, such as those of empty code blocks, are enough. The reply
may repeat what the user's own text repeats, and as often as the user asks for (`Write “I am sorry”
100 times`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

_WINDOW = 16_384
"""Characters at the text's end that are searched."""
_BETWEEN_CHECKS = 48
_PROBE = 24
_MAX_PROBES = 8

# The characters, or times, that make a repetition.
_MIN_TIMES = 4
_WORDS = 800
_LONG_UNIT_TIMES = 5
"""Times for a unit of words that is longer than a fifth of `_WORDS`."""
_ONE_WORD = 1_600
_SIGNS = 4_000
_EMOJI = 1_600
_LINES_OF_SIGNS = 100
_COUNTED = 2_000
_COUNTED_TIMES = 12
_MAX_COUNTED_UNIT = _WINDOW // _COUNTED_TIMES
_BLANK = 1_000
_BLANK_LINES = 60

_MAX_ASKED = 12_000
"""Characters that may repeat because the user asked for it; `_WINDOW` holds them."""

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
"""The best places to cut a text: behind a line, else a sentence, else a word."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """The end of a text that repeats itself."""

    unit: str
    times: int
    surplus: str
    """The end of the text that can be removed: the unit remains once before it."""


class RepetitionGuard:
    """Finds the repetition in a text that arrives in pieces."""

    def __init__(self, given: Iterable[str] = ()) -> None:
        """`given` are the texts of the user, which the reply may copy."""
        self._given = tuple(given)
        self._wanted_times = max(map(_times_asked_for, self._given), default=0)
        self._asked: list[str] = []
        if self._wanted_times:
            self._asked = list(map(_bare, self._given))
        self._text = ""
        self._new: list[str] = []
        self._n_new = 0

    def feed(self, piece: str) -> Repetition | None:
        """Return the repetition at the end of the text, or None while there is none."""
        self._new.append(piece)
        self._n_new += len(piece)
        if self._n_new < _BETWEEN_CHECKS:
            return None
        self._text = (self._text + "".join(self._new))[-_WINDOW:]
        self._new.clear()
        self._n_new = 0
        return self._look(self._text)

    def reset(self) -> None:
        """Forget the text so far, in which a grammar left the model no choice."""
        self._text = ""
        self._new.clear()
        self._n_new = 0

    def _look(self, text: str) -> Repetition | None:
        for period, length in _runs(text):
            unit = text[-period:]
            is_long = length >= max(_needed(unit), _MIN_TIMES * period)
            if is_long and not self._is_wanted(unit, length, length):
                return self._found(text, len(text) - length, period, length // period)
        if _NUMBER.search(text, max(len(text) - _MAX_COUNTED_UNIT, 0)) is None:
            return None
        return self._look_for_counters(text)

    def _look_for_counters(self, text: str) -> Repetition | None:
        """Find a unit with another number each time, as in `1. Rest`, `2. Rest`."""
        folded = _NUMBER.sub("0", text)
        for period, length in _runs(folded):
            unit, times = folded[-period:], length // period
            if length < _COUNTED or times < _COUNTED_TIMES or "0" not in unit or not _words(unit):
                continue
            start = _unfolded(text, len(folded) - length)
            numbers = [int(number[0][:18]) for number in _NUMBER.finditer(text, start)]
            if not _only_count(numbers, unit.count("0")):
                continue
            if not self._is_wanted(unit, length, len(text) - start):
                end = _unfolded(text, len(folded) - length + period)
                return self._found(text, start, end - start, times)
        return None

    def _is_wanted(self, unit: str, length: int, written: int) -> bool:
        """Return True if the user's text contains the repetition, or asks for it that often.

        `written` is the number of repeated characters. `length` is that number if all counters were
        as long as in `unit`.
        """
        end = self._text[-written:].strip()
        if not end:
            return False
        if any(end in text for text in self._given):
            return True
        if not self._asked or written > _MAX_ASKED:
            return False
        words = _whole_words(unit)
        if not words:
            return False
        once = _length_of_phrase(words)
        times = length / len(unit) * len(words) / once
        return times <= self._wanted_times + 1 and self._is_asked_for(words[:once])

    def _is_asked_for(self, phrase: list[str]) -> bool:
        """Return True if the user's texts have these words, in any rotation."""
        for at in range(len(phrase)):
            rotated = " ".join(phrase[at:] + phrase[:at])
            if any(f" {rotated} " in text for text in self._asked):
                return True
        return False

    def _found(self, text: str, start: int, period: int, times: int) -> Repetition:
        end = start + period
        for border in _BORDERS:
            found = border.search(text, end - 1, end + period)
            if found is not None:
                end = found.end() if found[0] == "\n" else found.start()
                break
        return Repetition(unit=text[start : start + period], times=times, surplus=text[end:])


def _times_asked_for(text: str) -> int:
    """Return the largest number of times that a text asks for: `100 times`, `1,000 lines`."""
    return max((int(found[1].replace(",", "")) for found in _TIMES.finditer(text)), default=0)


def _length_of_phrase(words: list[str]) -> int:
    """Return the number of words after which they begin again, or of all words if they do not."""
    for n in range(1, len(words)):
        if words == words[:n] * (len(words) // n):
            return n
    return len(words)


def _whole_words(unit: str) -> list[str]:
    """Return the words of a repeated unit, which may begin inside a word."""
    several = _bare(unit * 3).split()
    return several[1 : 1 + len(several) - len(_bare(unit * 2).split())]


def _bare(text: str) -> str:
    """Return the words alone, with a space around each."""
    return f" {' '.join(_BARE_WORD.findall(text.casefold()))} "


def _runs(text: str) -> Iterable[tuple[int, int]]:
    """Yield possible repetitions at the end of `text`: lengths of the unit and of the whole."""
    probe, end = text[-_PROBE:], len(text) - 1
    if len(probe) < _PROBE:
        return
    for _ in range(_MAX_PROBES):
        at = text.rfind(probe, 0, end)
        if at < 0:
            return
        period = len(text) - _PROBE - at
        yield period, period + _common_end(text, text[:-period])
        end = at + _PROBE - 1


def _common_end(one: str, other: str) -> int:
    """Return the number of equal characters at the ends."""
    least, most = 0, min(len(one), len(other))
    while least < most:
        middle = (least + most + 1) // 2
        if one.endswith(other[len(other) - middle :]):
            least = middle
        else:
            most = middle - 1
    return least


def _needed(unit: str) -> int:
    """Return the number of characters at which a repeated unit can be in no honest text."""
    if unit.isspace():
        return _lines_or(_BLANK, unit, _BLANK_LINES)
    words = _words(unit)
    if len(words) == 1:
        return max(_ONE_WORD, _LONG_UNIT_TIMES * len(unit))
    if words:
        if len(unit) >= _WINDOW // _LONG_UNIT_TIMES:
            return _MIN_TIMES * len(unit)
        return max(_WORDS, _LONG_UNIT_TIMES * len(unit))
    if _PICTURE.search(unit):
        return _EMOJI
    if any(map(str.isalnum, unit)):
        return _SIGNS
    return _lines_or(_SIGNS, unit, _LINES_OF_SIGNS)


def _lines_or(n_characters: int, unit: str, n_lines: int) -> int:
    """Return `n_characters`, or the characters in `n_lines` lines of the unit if that is less."""
    lines_of_unit = unit.count("\n")
    if not lines_of_unit:
        return n_characters
    return min(n_characters, n_lines * len(unit) // lines_of_unit)


def _words(unit: str) -> set[str]:
    """Return the different words of a repeated unit.

    Data that looks like letters has none: `AAAA`, `ff`.
    """
    if unit.isascii() and unit.isalnum():
        return set()
    text = unit * 3
    words: set[str] = set()
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if match.start() > 0 and match.end() < len(text) and len(set(word)) > 1:
            words.add(word)
    return words


def _unfolded(text: str, position: int) -> int:
    """Return the position in `text` for a position in the text with one character per number."""
    shrunk = 0
    for number in _NUMBER.finditer(text):
        if number.start() - shrunk >= position:
            break
        shrunk += len(number[0]) - 1
    return position + shrunk


def _only_count(numbers: list[int], n_columns: int) -> bool:
    """Return True if at most one number of the unit counts, and the others stay the same."""
    counting = 0
    for column in range(n_columns):
        found = numbers[-1 - column :: -n_columns]
        steps = {later - earlier for later, earlier in pairwise(found)}
        if len(steps) != 1:
            return False
        counting += steps != {0}
    return counting <= 1
