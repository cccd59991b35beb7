"""The two modes and the parser of typed headers.

Owns what typing does: a message in, what the user means by it out. Pure, and total: every text has a meaning,
and a text without headers is never changed beyond its outer line ends.

A header is `###`, a word (Instruction, Input, Response, Chat) and an optional colon; case does not matter. Inside
a code fence, after a backslash, or in what was not typed (the folds of a `Typed`), it is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from modechat.domain.mode import Mode, ModeState
from modechat.domain.text import ended
from modechat.domain.typed import Typed, as_typed


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One chat turn."""

    text: str


@dataclass(frozen=True, slots=True)
class Task:
    """One single-shot turn: `input` and `prefill` (the start of the reply) may be empty."""

    instruction: str
    input: str = ""
    prefill: str = ""
    name: str = ""
    """The named task that it came from, if it did: that one's worked examples and sampling belong to it."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of the conversation's mode, nothing for the model."""

    state: ModeState


@dataclass(frozen=True, slots=True)
class Incomplete:
    """Something that cannot be sent yet, and why."""

    reason: str


Parsed: TypeAlias = ChatMessage | Task | Switch | Incomplete

# The word ends at white space, a colon or the line's end: "### Response-time" and "### Chat's" are ordinary headings.
_WORD = r"###\s*(instruction|input|response|chat)(?=[\s:]|$)"
_HEADER = re.compile(rf" {{0,3}}{_WORD}\s*:?\s*(.*)", re.IGNORECASE)
_ESCAPED = re.compile(rf" {{0,3}}\\+{_WORD}", re.IGNORECASE)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")

_NOTHING_TYPED = "There is nothing to send yet."
_NO_INSTRUCTION = "There is no instruction yet: write it above ### Input or ### Response."


def parse(text: str | Typed, state: ModeState) -> Parsed:
    """What `text` means when it is sent in a conversation whose mode is `state`."""
    lines = _lines(text)
    begin = _first_with_text(lines)
    header = _match_header(lines[begin]) if begin < len(lines) else None
    if header is not None and header.word == "chat":
        message = _join([header.rest, *_texts(lines[begin + 1 :])])
        return ChatMessage(message) if message else Switch(ModeState(Mode.CHAT))
    if header is not None and header.word == "instruction":
        rest = _Line(header.rest)
        return _parse_task([rest, *lines[begin + 1 :]], alone=Switch(ModeState(Mode.INSTRUCT)))
    if state.standing is not None:
        return _parse_standing_input(lines, state.standing, state.task)
    if state.mode is Mode.INSTRUCT:
        return _parse_task(lines, alone=Incomplete(_NOTHING_TYPED))
    message = _join(
        [_unescape(line) if at == begin else line.text for at, line in enumerate(lines)]
    )
    return ChatMessage(message) if message else Incomplete(_NOTHING_TYPED)


def mode_of(text: str | Typed, state: ModeState) -> Mode:
    """The mode that `text` would be sent in: what the badge at the prompt shows while it is typed."""
    match parse(text, state):
        case ChatMessage():
            return Mode.CHAT
        case Task():
            return Mode.INSTRUCT
        case Switch(state=after):
            return after.mode
        case Incomplete():
            return Mode.INSTRUCT if _starts_instruction(text) else state.mode


@dataclass(frozen=True, slots=True)
class TypedHeader:
    """A header that counts: `text.split("\\n")[line][start:end]`."""

    word: str
    line: int
    start: int
    end: int


def headers(text: str | Typed, state: ModeState) -> tuple[TypedHeader, ...]:
    """The headers of `text` that have a meaning in a conversation whose mode is `state`, in order."""
    typed = as_typed(text)
    if "###" not in typed.text:
        return ()
    lines = _masked_lines(typed)
    begin = _first_with_text(lines)
    first = _match_header(lines[begin]) if begin < len(lines) else None
    counting = []
    if first is not None and first.word in ("chat", "instruction"):
        counting.append(begin)
    if first is not None and first.word == "instruction":
        counting += _section_starts(
            _scan([*(_Line("") for _ in lines[: begin + 1]), *lines[begin + 1 :]])
        )
    elif not counting and state.mode is Mode.INSTRUCT:
        counting += _section_starts(_scan(lines))
    return tuple(_span(number, lines[number].typed) for number in counting)


def notice(state: ModeState) -> str:
    """What the app answers at once when the mode of a conversation was changed to `state`."""
    if state.standing is not None:
        task = ended(f"“{state.standing}”")
        return (
            f"Okay. Every following message is an input for this instruction, each on its own: {task} "
            "### Instruction or ### Chat ends it."
        )
    if state.mode is Mode.INSTRUCT:
        return "Okay, switching to instruct mode. What do you want me to do?"
    return "Okay, back to chat mode. I see our chat again."


@dataclass(frozen=True, slots=True)
class _Header:
    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    masked: str | None = None
    """The same with what was not typed made unreadable; None: all was typed."""
    header: _Header | None = None

    @property
    def typed(self) -> str:
        return self.text if self.masked is None else self.masked


@dataclass(frozen=True, slots=True)
class _Sections:
    """Texts of an instruction's sections; None where the section is absent."""

    instruction: str
    input: str | None
    response: str | None


def _parse_task(lines: list[_Line], *, alone: Switch | Incomplete) -> Parsed:
    sections = _split(lines)
    if not sections.instruction:
        return Incomplete(_NO_INSTRUCTION) if sections.input or sections.response else alone
    if sections.input == "" and sections.response is None:
        return Switch(ModeState(Mode.INSTRUCT, standing=sections.instruction))
    return Task(sections.instruction, sections.input or "", sections.response or "")


def _parse_standing_input(lines: list[_Line], instruction: str, name: str) -> Parsed:
    sections = _split(lines)
    body = "\n\n".join(part for part in (sections.instruction, sections.input) if part)
    return (
        Task(instruction, body, sections.response or "", name)
        if body
        else Incomplete(_NOTHING_TYPED)
    )


def _split(lines: list[_Line]) -> _Sections:
    """Cut at the first `### Input` and at the last `### Response` if it comes after that."""
    scanned = _scan(lines)
    texts = _texts(scanned)
    starts = {
        header.word: i
        for i in _section_starts(scanned)
        if (header := scanned[i].header) is not None
    }
    input_at, response_at = starts.get("input"), starts.get("response")
    end = response_at if response_at is not None else len(lines)

    def section(start: int, stop: int) -> list[str]:
        header = scanned[start].header
        assert header is not None
        return [header.rest, *texts[start + 1 : stop]]

    return _Sections(
        instruction=_join(texts[: input_at if input_at is not None else end]),
        input=_join(section(input_at, end)) if input_at is not None else None,
        response=_beginning(section(response_at, len(lines))) if response_at is not None else None,
    )


def _section_starts(scanned: list[_Line]) -> list[int]:
    """The lines of the first `### Input` and of the last `### Response`, if that comes after it."""
    words = {i: line.header.word for i, line in enumerate(scanned) if line.header is not None}
    input_at = next((i for i, word in words.items() if word == "input"), None)
    response_at = next((i for i, word in reversed(words.items()) if word == "response"), None)
    if response_at is not None and input_at is not None and response_at < input_at:
        response_at = None
    return [i for i in (input_at, response_at) if i is not None]


def _span(number: int, line: str) -> TypedHeader:
    match = _HEADER.fullmatch(line)
    assert match is not None
    header = line[: match.start(2)].rstrip()
    return TypedHeader(match[1].lower(), number, len(line) - len(line.lstrip()), len(header))


def _scan(lines: list[_Line]) -> list[_Line]:
    """The lines with their headers; inside a code fence there are no headers, and nothing is unescaped."""
    scanned: list[_Line] = []
    fence = ""
    for line in lines:
        marker = _FENCE.fullmatch(line.typed)
        if fence:
            if marker and marker[1].startswith(fence) and not marker[2].strip():
                fence = ""
            scanned.append(line)
        elif marker and not (marker[1][0] == "`" and "`" in marker[2]):
            fence = marker[1]
            scanned.append(line)
        else:
            scanned.append(_Line(_unescape(line), line.masked, _match_header(line)))
    return scanned


def _match_header(line: _Line) -> _Header | None:
    match = _HEADER.fullmatch(line.typed)
    return _Header(match[1].lower(), line.text[match.start(2) :]) if match else None


def _starts_instruction(text: str | Typed) -> bool:
    lines = _lines(text)
    begin = _first_with_text(lines)
    header = _match_header(lines[begin]) if begin < len(lines) else None
    return header is not None and header.word == "instruction"


def _lines(text: str | Typed) -> list[_Line]:
    if isinstance(text, Typed) and text.folds:
        return _masked_lines(text)
    plain = as_typed(text).text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return [_Line(line) for line in plain.split("\n")]


def _masked_lines(typed: Typed) -> list[_Line]:
    lines, masked = typed.text.split("\n"), typed.masked().split("\n")
    return [_Line(line, shown) for line, shown in zip(lines, masked, strict=True)]


def _texts(lines: Iterable[_Line]) -> list[str]:
    return [line.text for line in lines]


def _first_with_text(lines: Sequence[_Line]) -> int:
    return next((number for number, line in enumerate(lines) if line.text.strip()), len(lines))


def _unescape(line: _Line) -> str:
    return line.text.replace("\\", "", 1) if _ESCAPED.match(line.typed) else line.text


def _join(lines: Sequence[str]) -> str:
    """The text of a section without its outer line ends; white space within its lines is the user's."""
    return _beginning(lines).rstrip("\n")


def _beginning(lines: Sequence[str]) -> str:
    """The text of a section from its first line that is not empty; nothing if it is all white space."""
    text = "\n".join(lines)
    return text.lstrip("\n") if text.strip() else ""
