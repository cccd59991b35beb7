"""Parses the headers in a typed message, and returns what the user means.

The parser is pure and total: every text has a meaning. A text without headers changes only in its
outer line ends.

A header is `###`, a word (Instruction, Input, Response, Chat) and an optional colon; case does not
matter. It is plain text inside a code fence, after a backslash, or in a fold of a `Typed`, which
was not typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from modechat.domain.fences import FenceScanner
from modechat.domain.mode import INSTRUCT, Mode, ModeState
from modechat.domain.typed import Typed, as_typed


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One chat turn."""

    mode: ClassVar[Mode] = Mode.CHAT
    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """One single-shot turn. `input` and `prefill` (the start of the reply) may be empty."""

    mode: ClassVar[Mode] = Mode.INSTRUCT
    instruction: str
    input: str = ""
    prefill: str = ""
    name: str = ""
    """The named task that it came from, if any; it gives the worked examples and the sampling."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of the conversation's mode; nothing is sent to the model."""

    state: ModeState


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A message that cannot be sent yet, or a command that did nothing, with the reason."""

    reason: str


Parsed: TypeAlias = ChatMessage | Task | Switch | Incomplete

# The word ends at white space, a colon or the line's end: "### Response-time" and "### Chat's" are
# ordinary headings.
_WORD = r"###\s*(instruction|input|response|chat)(?=[\s:]|$)"
_HEADER = re.compile(rf" {{0,3}}{_WORD}\s*:?\s*(.*)", re.IGNORECASE)
_ESCAPED = re.compile(rf" {{0,3}}\\+{_WORD}", re.IGNORECASE)

_NOTHING_TYPED = "There is nothing to send yet."
_NO_INSTRUCTION = "There is no instruction yet: write it above ### Input or ### Response."


def parse(text: str | Typed, state: ModeState) -> Parsed:
    """Return the meaning of `text` when it is sent in a conversation with the mode `state`."""
    lines = _lines(text)
    begin = _first_with_text(lines)
    header = _header_at(lines, begin)
    if header is not None and header.word == "chat":
        message = _join([header.rest, *_texts(lines[begin + 1 :])])
        if not message:
            return Switch(ModeState(Mode.CHAT))
        return ChatMessage(message)
    if header is not None and header.word == "instruction":
        rest = _Line(header.rest)
        return _parse_task([rest, *lines[begin + 1 :]], alone=Switch(INSTRUCT))
    if state.standing is not None:
        return _parse_standing_input(lines, state.standing, state.task)
    if state.mode is Mode.INSTRUCT:
        return _parse_task(lines, alone=Incomplete(_NOTHING_TYPED))
    if begin == len(lines):
        return Incomplete(_NOTHING_TYPED)
    texts = _texts(lines)
    texts[begin] = _unescape(lines[begin])
    return ChatMessage(_join(texts))


def mode_of(text: str | Typed, state: ModeState) -> Mode:
    """Return the mode in which `text` would be sent, for the badge at the prompt."""
    match parse(text, state):
        case ChatMessage() | Task() as request:
            return request.mode
        case Switch(state=after):
            return after.mode
        case Incomplete():
            if _starts_instruction(text):
                return Mode.INSTRUCT
            return state.mode


@dataclass(frozen=True, slots=True)
class TypedHeader:
    """A header with a meaning: `text.split("\\n")[line][start:end]`."""

    word: str
    line: int
    start: int
    end: int


def headers(text: str | Typed, state: ModeState) -> tuple[TypedHeader, ...]:
    """Return the headers of `text` that have a meaning in the mode `state`, in order."""
    typed = as_typed(text)
    if "###" not in typed.text:
        return ()
    lines = _masked_lines(typed)
    begin = _first_with_text(lines)
    first = _header_at(lines, begin)
    has_mode = first is not None and first.word in ("chat", "instruction")
    counting: list[int | None] = []
    if has_mode:
        counting.append(begin)
    if first is not None and first.word == "instruction":
        blank = [_Line("")] * (begin + 1)
        counting += _section_starts(_scan([*blank, *lines[begin + 1 :]]))
    elif not has_mode and state.mode is Mode.INSTRUCT:
        counting += _section_starts(_scan(lines))
    return tuple([_span(at, lines[at].typed) for at in counting if at is not None])


@dataclass(frozen=True, slots=True)
class _Header:
    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    masked: str | None = None
    """The text with its folds masked; None: all was typed."""
    header: _Header | None = None

    @property
    def typed(self) -> str:
        return self.text if self.masked is None else self.masked


@dataclass(frozen=True, slots=True)
class _Sections:
    """The texts of an instruction's sections; None: the section is absent."""

    instruction: str
    input: str | None
    response: str | None


def _parse_task(lines: list[_Line], *, alone: Switch | Incomplete) -> Parsed:
    sections = _split(lines)
    if not sections.instruction:
        if sections.input or sections.response:
            return Incomplete(_NO_INSTRUCTION)
        return alone
    if sections.input == "" and sections.response is None:
        return Switch(ModeState(Mode.INSTRUCT, standing=sections.instruction))
    return Task(sections.instruction, sections.input or "", sections.response or "")


def _parse_standing_input(lines: list[_Line], instruction: str, name: str) -> Parsed:
    sections = _split(lines)
    body = "\n\n".join(filter(None, (sections.instruction, sections.input)))
    if not body:
        return Incomplete(_NOTHING_TYPED)
    return Task(instruction, body, sections.response or "", name)


def _split(lines: list[_Line]) -> _Sections:
    """Split at the first `### Input`, and at the last `### Response` if it comes later."""
    scanned = _scan(lines)
    input_at, response_at = _section_starts(scanned)
    end = len(scanned)
    input_text = response = None
    if response_at is not None:
        response = _beginning(_section(scanned, response_at, end))
        end = response_at
    if input_at is not None:
        input_text = _join(_section(scanned, input_at, end))
        end = input_at
    return _Sections(_join(_texts(scanned[:end])), input_text, response)


def _section(scanned: list[_Line], start: int, stop: int) -> list[str]:
    """Return the lines of a section, without its header."""
    header = scanned[start].header
    assert header is not None
    return [header.rest, *_texts(scanned[start + 1 : stop])]


def _section_starts(scanned: list[_Line]) -> tuple[int | None, int | None]:
    """Return the lines of the first `### Input` and of the last `### Response` if it is later."""
    input_at = response_at = None
    for number, line in enumerate(scanned):
        if line.header is None:
            continue
        if line.header.word == "input" and input_at is None:
            input_at = number
        elif line.header.word == "response":
            response_at = number
    if response_at is not None and input_at is not None and response_at < input_at:
        response_at = None
    return input_at, response_at


def _span(number: int, line: str) -> TypedHeader:
    match = _HEADER.fullmatch(line)
    assert match is not None
    header = line[: match.start(2)].rstrip()
    return TypedHeader(match[1].lower(), number, len(line) - len(line.lstrip()), len(header))


def _scan(lines: list[_Line]) -> list[_Line]:
    """Return the lines with their headers. A line in a code fence has none and stays escaped."""
    scanned: list[_Line] = []
    fences = FenceScanner()
    for line in lines:
        if not fences.feed(line.typed):
            line = _Line(_unescape(line), line.masked, _match_header(line))
        scanned.append(line)
    return scanned


def _match_header(line: _Line) -> _Header | None:
    match = _HEADER.fullmatch(line.typed)
    if match is None:
        return None
    return _Header(match[1].lower(), line.text[match.start(2) :])


def _header_at(lines: Sequence[_Line], number: int) -> _Header | None:
    """Return the header on a line; None if there is no such line, or no header on it."""
    if number == len(lines):
        return None
    return _match_header(lines[number])


def _starts_instruction(text: str | Typed) -> bool:
    lines = _lines(text)
    header = _header_at(lines, _first_with_text(lines))
    return header is not None and header.word == "instruction"


def _lines(text: str | Typed) -> list[_Line]:
    if isinstance(text, Typed) and text.folds:
        return _masked_lines(text)
    plain = as_typed(text).text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return [_Line(line) for line in plain.split("\n")]


def _masked_lines(typed: Typed) -> list[_Line]:
    return list(map(_Line, typed.text.split("\n"), typed.masked().split("\n")))


def _texts(lines: Iterable[_Line]) -> list[str]:
    return [line.text for line in lines]


def _first_with_text(lines: Sequence[_Line]) -> int:
    for number, line in enumerate(lines):
        if line.text.strip():
            return number
    return len(lines)


def _unescape(line: _Line) -> str:
    if _ESCAPED.match(line.typed):
        return line.text.replace("\\", "", 1)
    return line.text


def _join(lines: Sequence[str]) -> str:
    """Return a section's text without its outer line ends; other white space stays."""
    return _beginning(lines).rstrip("\n")


def _beginning(lines: Sequence[str]) -> str:
    """Return a section's text from its first non-empty line, or "" if it is only white space."""
    text = "\n".join(lines)
    if not text.strip():
        return ""
    return text.lstrip("\n")
