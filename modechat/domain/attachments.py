"""Files that a message mentions: where they are mentioned, and how their text becomes part of it.

`@notes.txt`, at the beginning of a word, mentions a file; `@"my notes.txt"` one whose name has white space. Scripts
that put no spaces between words need none here either. After a backslash, inside a code fence and in what was pasted
big, it is plain text, and so is the name of a file that does not exist. The file's text comes below the line that
mentions it, under its name, in a fence that is longer than any in it:

    Summarise notes.txt in a line.

    notes.txt:
    ```txt
    …
    ```

A line that is nothing but the mention gives way to it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from modechat.domain.typed import Typed

_AT = re.compile(r"\\?@")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "「": "」", "『": "』"}
_PATH = re.compile(
    "|".join(
        [*(f"{opens}([^{closes}\n]+){closes}" for opens, closes in _QUOTES.items()), r"(?!\")(\S+)"]
    )
)
_FENCE_LINE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_FOLDED = "\x00"
_BACKTICKS = re.compile(r"`+")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,12}")
_OPENING = "([{<\"',;:"
_CLOSING = ".,;:!?)]}>'\"…"
_WITHOUT_SPACES = (
    ("\u0e00", "\u0eff"),
    ("\u0f00", "\u109f"),
    ("\u1100", "\u11ff"),
    ("\u1780", "\u17ff"),
    ("\u3000", "\u9fff"),
    ("\uac00", "\ud7ff"),
    ("\uf900", "\ufaff"),
    ("\uff00", "\uffef"),
    ("\U00020000", "\U0003ffff"),
)
"""Ranges of characters of scripts that put no spaces between words, or write particles right behind them."""
_LONGEST_PATH = 1_024
_MOST_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Mention:
    """`text[start:end]` mentions a file."""

    start: int
    end: int
    path: str
    is_escaped: bool = False
    """It stands behind a backslash: plain text."""
    is_quoted: bool = False


def _has_no_spaces(character: str) -> bool:
    """Whether its script writes words without spaces between them."""
    return any(first <= character <= last for first, last in _WITHOUT_SPACES)


def mentions(typed: Typed) -> tuple[Mention, ...]:
    """Every mention in a text, in order; whether there is such a file is not known here.

    One may lie inside of another: where words have no spaces between, only files that exist tell where a name ends.
    """
    text = typed.text
    for start, end in typed.folds:
        text = f"{text[:start]}{_FOLDED * (end - start)}{text[end:]}"
    if "@" not in text:
        return ()
    fenced = _fenced(typed.text)
    found = []
    for at in _AT.finditer(text):
        match = _PATH.match(text, at.end(), at.end() + _LONGEST_PATH)
        if match is None or not _may_begin(text[: at.start()][-1:]) or _FOLDED in match[0]:
            continue
        if not any(start < match.end() and at.start() < end for start, end in fenced):
            path = match[match.lastindex or 0]
            is_quoted = match.lastindex != _PATH.groups
            found.append(Mention(at.start(), match.end(), path, len(at[0]) > 1, is_quoted))
    return tuple(found)


def files_meant(typed: Typed, is_file: Callable[[str], bool]) -> Iterator[Mention]:
    """The mentions of files that exist, each as far as the file's name goes."""
    after = 0
    for mention in mentions(typed):
        if mention.start < after:
            continue
        for meant in candidates(mention):
            if is_file(meant.path):
                after = meant.end
                yield meant
                break


def candidates(mention: Mention) -> tuple[Mention, ...]:
    """What a mention may mean, the likeliest first: without the punctuation at its end, and where words have no spaces
    between, without the words behind it."""
    if mention.is_quoted:
        return (mention,)
    path = mention.path
    found: list[str] = []
    for end in range(len(path), 0, -1):
        if end < len(path) and not _has_no_spaces(path[end]):
            continue
        shorter = path[:end]
        while shorter and shorter not in found:
            found.append(shorter)
            if not _may_close(shorter[-1]):
                break
            shorter = shorter[:-1]
    begin = mention.end - len(path)
    return tuple(
        Mention(mention.start, begin + len(one), one, mention.is_escaped)
        for one in found[:_MOST_CANDIDATES]
    )


def attached(
    typed: Typed, files: Mapping[Mention, str], escaped: Collection[Mention] = ()
) -> Typed:
    """The message with the texts of the files that it mentions, which were not typed. `escaped` ones lose their
    backslash."""
    text = typed.text
    by_line: dict[int, list[tuple[Mention, str]]] = {}
    for mention, content in files.items():
        end = text.find("\n", mention.end)
        by_line.setdefault(len(text) if end < 0 else end, []).append((mention, content))
    marks = sorted(
        ((mention.start, mention) for mention in (*files, *escaped)), key=lambda mark: mark[0]
    )
    message = _Message(typed)
    at = 0
    for line_end in sorted(by_line):
        line_start = text.rfind("\n", 0, line_end) + 1
        first = by_line[line_end][0][0]
        alone = text[line_start:line_end].strip() == text[first.start : first.end]
        _add_named(message, at, line_start if alone else line_end, marks)
        if not alone:
            message.end_line()
        for number, (mention, content) in enumerate(by_line[line_end]):
            message.add("\n\n" if number else "")
            message.add(block(mention.path, content), is_typed=False)
        at = line_end
        if text[at : at + 2] not in ("", "\n", "\n\n"):
            message.add("\n")
    _add_named(message, at, len(text), marks)
    return message.whole()


def block(path: str, content: str) -> str:
    """A file's text as the model gets it."""
    content = content.rstrip("\n")
    longest = max((len(run) for run in _BACKTICKS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    suffix = path.rpartition(".")[2] if "." in path.rpartition("/")[2].lstrip(".") else ""
    language = suffix if _LANGUAGE.fullmatch(suffix) else ""
    name = path.replace("\r", " ").replace("\n", " ")
    return f"{name}:\n{fence}{language}\n{content}\n{fence}"


class _Message:
    """A text that is put together of parts of another one and of what was not typed."""

    def __init__(self, source: Typed) -> None:
        self._source = source
        self._parts: list[str] = []
        self._length = 0
        self._folds: list[tuple[int, int]] = []

    def add(self, text: str, *, is_typed: bool = True) -> None:
        if text and not is_typed:
            self._folds.append((self._length, self._length + len(text)))
        self._parts.append(text)
        self._length += len(text)

    def copy(self, start: int, end: int) -> None:
        """A part of the source, with its folds."""
        for begin, stop in self._source.folds:
            if begin < end and start < stop:
                shift = self._length - start
                self._folds.append((max(begin, start) + shift, min(stop, end) + shift))
        self.add(self._source.text[start:end])

    def end_line(self) -> None:
        """An empty line follows, and no spaces stand before it but those that were not typed."""
        text = "".join(self._parts)
        least = self._folds[-1][1] if self._folds else 0
        self._parts = [text[:least] + text[least:].rstrip(" ")]
        self._length = len(self._parts[0])
        self.add("\n\n")

    def whole(self) -> Typed:
        return Typed("".join(self._parts), tuple(self._folds))


class PartKind(Enum):
    TEXT = auto()
    CODE = auto()
    FILE = auto()
    """The text of a file, as `block` writes it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines of a message."""

    text: str
    """The lines as they are, without the last line break."""
    kind: PartKind
    name: str = ""
    """Of a file; of code, what stands behind the fence."""
    content: str = ""
    """Of a file or of code."""


def parts_of(text: str) -> list[Part]:
    """What a message consists of. Code begins and ends with a fence; one that does not end is text."""
    parts: list[Part] = []
    at = 0
    for start, end in _fenced(text):
        first, *lines = text[start:end].split("\n")
        opening = _FENCE_LINE.fullmatch(first)
        last = _FENCE_LINE.fullmatch(lines[-1]) if lines else None
        if opening is None or last is None or last[2].strip() or not last[1].startswith(opening[1]):
            continue
        content = "\n".join(lines[:-1])
        name, kind = opening[2].strip(), PartKind.CODE
        before = text.rfind("\n", 0, max(0, start - 1)) + 1
        above = text[before : max(before, start - 1)].removesuffix(":")
        if before >= at and above and block(above, content) == text[before:end]:
            start, name, kind = before, above, PartKind.FILE
        if start > at:
            parts.append(Part(text[at : start - 1], PartKind.TEXT))
        parts.append(Part(text[start:end], kind, name, content))
        at = end + 1
    if at < len(text) or not parts:
        parts.append(Part(text[at:], PartKind.TEXT))
    return parts


def _add_named(
    message: _Message, start: int, end: int, marks: Sequence[tuple[int, Mention]]
) -> None:
    """A part of the text, with files by their names, without `@`."""
    for at, mention in marks:
        if start <= at < end:
            message.copy(start, at)
            message.add(f"@{mention.path}" if mention.is_escaped else mention.path)
            start = mention.end
    message.copy(start, end)


def _may_begin(before: str) -> bool:
    """Whether a mention may stand behind this character: `me@notes.txt` is none."""
    if not before or before.isspace() or before in _OPENING or _has_no_spaces(before):
        return True
    return not before.isascii() and unicodedata.category(before)[0] in "PS"


def _may_close(character: str) -> bool:
    """Whether a character at the end of a name may belong to the sentence."""
    return character in _CLOSING or (
        not character.isascii() and unicodedata.category(character)[0] in "PS"
    )


def _fenced(text: str) -> list[tuple[int, int]]:
    """The ranges of code fences."""
    if "```" not in text and "~~~" not in text:
        return []
    ranges: list[tuple[int, int]] = []
    fence, opened, at = "", 0, 0
    for line in text.split("\n"):
        match = _FENCE_LINE.fullmatch(line)
        if fence and match and match[1].startswith(fence) and not match[2].strip():
            ranges.append((opened, at + len(line)))
            fence = ""
        elif not fence and match and not (match[1][0] == "`" and "`" in match[2]):
            fence, opened = match[1], at
        at += len(line) + 1
    return [*ranges, (opened, len(text))] if fence else ranges
