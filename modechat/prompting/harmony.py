"""Splits gpt-oss' replies, which are messages in channels, in OpenAI's harmony format.

The format is described in https://cookbook.openai.com/articles/openai-harmony; llama.cpp's parser
(common/parsers/gpt-oss.cpp) knows its irregularities, which are read here, too.
"""

from __future__ import annotations

import re
from enum import StrEnum, auto
from functools import cache
from typing import NamedTuple

TOKENS = frozenset(
    f"<|{name}|>" for name in ("start", "channel", "constrain", "message", "end", "return", "call")
)
"""The tokens of the format's markup."""


class Part(StrEnum):
    """The part of a reply that a text belongs to."""

    THINKING = auto()
    ANSWER = auto()


Found = tuple[Part | None, str]
"""A text and its part; None for text that belongs to none."""


class _Grammar(NamedTuple):
    """A regular expression, and another one for all its beginnings, from the empty text to the
    whole.
    """

    whole: str
    begun: str


def _text(text: str) -> _Grammar:
    begun = ""
    for character in reversed(text):
        begun = f"(?:{re.escape(character)}{begun})?"
    return _Grammar(re.escape(text), begun)


def _run(of: str, least: int, most: int) -> _Grammar:
    return _Grammar(f"{of}{{{least},{most}}}", f"{of}{{0,{most}}}")


def _sequence(*parts: _Grammar) -> _Grammar:
    begun = ""
    for part in reversed(parts):
        begun = f"(?:{part.whole}{begun}|{part.begun})"
    return _Grammar("".join(part.whole for part in parts), begun)


def _one_of(*parts: _Grammar) -> _Grammar:
    whole = "|".join(part.whole for part in parts)
    begun = "|".join(part.begun for part in parts)
    return _Grammar(f"(?:{whole})", f"(?:{begun})")


def _optional(*parts: _Grammar) -> _Grammar:
    grammar = _sequence(*parts)
    return grammar._replace(whole=f"(?:{grammar.whole})?")


_SPACE = _run(r"\s", 0, 4)
_NAME = _run(r"[\w.-]", 1, 64)
_TO = _optional(_text(" to="), _NAME)
_CONSTRAINED = _text("<|constrain|>")
_ROLES = [_text(role) for role in ("assistant", "user", "system", "developer", "tool")]
_END = _sequence(_one_of(_text("<|end|>"), _text("<|return|>"), _text("<|call|>")), _SPACE)
_START = _sequence(
    _text("<|start|>"), _one_of(*_ROLES, _sequence(_text("functions."), _NAME)), _TO, _SPACE
)
_CHANNEL = _sequence(
    _text("<|channel|>"),
    _one_of(_text("analysis"), _text("commentary"), _text("final")),
    _TO,
    _optional(_one_of(_sequence(_text(" "), _optional(_CONSTRAINED)), _CONSTRAINED), _NAME),
)
_STRAY = _optional(_CHANNEL)  # gpt-oss-20b now and then names another channel first
_BOUNDARY = _one_of(
    _sequence(_optional(_END), _START, _STRAY, _optional(_CHANNEL), _text("<|message|>")),
    _sequence(_END, _STRAY, _CHANNEL, _text("<|message|>")),
)
_HARMONY_TOKEN = re.compile(r"\s*(?:" + "|".join(map(re.escape, sorted(TOKENS))) + ")")


@cache
def _boundaries() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of a whole boundary and of one that has begun.

    Compiling them takes 20 ms, and most models never need them.
    """
    return re.compile(_BOUNDARY.whole), re.compile(rf"(?=<){_BOUNDARY.begun}\Z")


class Channels:
    """Splits a reply of messages in harmony's channels.

    The message in `final` is the answer, all others are thinking. Only the header of a message ends
    the one before, so that text which merely mentions a token stays as it is. The first header
    begins in the prompt, as a rule with `<|start|>assistant`: that part is read before the reply.
    """

    def __init__(self, prompt_end: str) -> None:
        self._whole_boundary, self._begun_boundary = _boundaries()
        self._part: Part | None = Part.ANSWER
        self._held = header = start = "<|start|>assistant"
        if start in prompt_end:
            header += prompt_end.rpartition(start)[2]
        whole = self._whole_boundary.match(header)
        if whole is not None:
            self._part, self._held = _part_of(whole[0]), ""
        elif self._begun_boundary.match(header):
            self._held = header
        self._prompted = len(self._held)
        """The number of characters held back that belong to the prompt."""

    def feed(self, text: str) -> list[Found]:
        text = self._held + text
        found: list[Found] = []
        at = self._prompted
        for boundary in self._whole_boundary.finditer(text):
            found.append((self._part, text[at : boundary.start()]))
            self._part = _part_of(boundary[0])
            found.append((self._part, "\n\n"))
            at, self._prompted = boundary.end(), 0
        begun = self._begun_boundary.search(text, at if found else 0)
        end = len(text)
        if begun is not None:
            end = begun.start()
        self._held = text[end:]
        self._prompted = max(0, self._prompted - end)
        return [*found, (self._part, text[at:end])]

    def flush(self) -> list[Found]:
        held, self._held, self._prompted = self._held[self._prompted :], "", 0
        if _HARMONY_TOKEN.match(held):
            return []
        return [(self._part, held)]


def _part_of(header: str) -> Part | None:
    """Return the part of a message with this header; None if the header names another role."""
    role = re.search(r"<\|start\|>([a-z]+)", header)
    if role and role[1] != "assistant":
        return None
    channels = re.findall(r"<\|channel\|>([a-z]+)", header)
    if channels and channels[-1] != "final":
        return Part.THINKING
    return Part.ANSWER
