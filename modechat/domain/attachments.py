"""Files that a message mentions: where they are mentioned, and how their text becomes part of it.

`@notes.txt`, at the beginning of a word, mentions a file; `@"my notes.txt"` one whose name has white space. After a
backslash, inside a code fence and in what was pasted big, it is plain text, and so is the name of a file that does not
exist. The file's text comes below the line that mentions it, under its name, in a fence that is longer than any in it:

    Summarise notes.txt in a line.

    notes.txt:
    ```txt
    …
    ```

A line that is nothing but the mention gives way to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed

_MENTION = re.compile(r"(?<!\S)(\\?)@(?:\"([^\"\n]+)\"|(?!\")(\S+))")
_FENCE_LINE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_FOLDED = "\x00"
_BACKTICKS = re.compile(r"`+")
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,12}")
_CLOSING = ".,;:!?)]}'\"…"


@dataclass(frozen=True, slots=True)
class Mention:
    """`text[start:end]` mentions a file."""

    start: int
    end: int
    path: str
    is_escaped: bool = False
    """It stands behind a backslash: plain text."""

    def shorter(self) -> Mention | None:
        """Without the last punctuation mark, which may belong to the sentence; None if there is none."""
        if self.path[-1:] not in _CLOSING or len(self.path) == 1:
            return None
        return Mention(self.start, self.end - 1, self.path[:-1], self.is_escaped)


def mentions(typed: Typed) -> tuple[Mention, ...]:
    """Every mention in a text, in order; whether there is such a file is not known here."""
    text = typed.text
    for start, end in typed.folds:
        text = f"{text[:start]}{_FOLDED * (end - start)}{text[end:]}"
    if "@" not in text:
        return ()
    fenced = _fenced(typed.text)
    found = []
    for match in _MENTION.finditer(text):
        is_fenced = any(start < match.end() and match.start() < end for start, end in fenced)
        if not is_fenced and _FOLDED not in match[0]:
            path = match[2] or match[3]
            found.append(Mention(match.start(), match.end(), path, bool(match[1])))
    return tuple(found)


def candidates(mention: Mention) -> tuple[Mention, ...]:
    """What a mention may mean, the likeliest first: with and without the punctuation at its end."""
    found = [mention]
    while (shorter := found[-1].shorter()) is not None and '"' not in found[-1].path:
        found.append(shorter)
    return tuple(found)


def attached(typed: Typed, files: Mapping[Mention, str], escaped: Collection[Mention] = ()) -> str:
    """The message with the texts of the files that it mentions. `escaped` ones lose their backslash."""
    text = typed.text
    by_line: dict[int, list[tuple[Mention, str]]] = {}
    for mention, content in files.items():
        end = text.find("\n", mention.end)
        by_line.setdefault(len(text) if end < 0 else end, []).append((mention, content))
    marks = sorted((mention.start, mention) for mention in (*files, *escaped))
    parts: list[str] = []
    at = 0
    for line_end in sorted(by_line):
        line_start = text.rfind("\n", 0, line_end) + 1
        blocks = [block(mention.path, content) for mention, content in by_line[line_end]]
        alone = text[line_start:line_end].strip() == text[slice(*_range(by_line[line_end][0][0]))]
        before = _named(text, at, line_start if alone else line_end, marks)
        parts.append(before if alone else before.rstrip(" ") + "\n\n")
        parts.append("\n\n".join(blocks))
        at = line_end
        if text[at : at + 2] not in ("", "\n", "\n\n"):
            parts.append("\n")
    parts.append(_named(text, at, len(text), marks))
    return "".join(parts)


def block(path: str, content: str) -> str:
    """A file's text as the model gets it."""
    content = content.rstrip("\n")
    longest = max((len(run) for run in _BACKTICKS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    suffix = path.rpartition(".")[2] if "." in path.rpartition("/")[2].lstrip(".") else ""
    language = suffix if _LANGUAGE.fullmatch(suffix) else ""
    return f"{sanitize_line(path)}:\n{fence}{language}\n{content}\n{fence}"


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


def _range(mention: Mention) -> tuple[int, int]:
    return mention.start, mention.end


def _named(text: str, start: int, end: int, marks: Sequence[tuple[int, Mention]]) -> str:
    """A part of the text, with files by their names, without `@`."""
    parts: list[str] = []
    for at, mention in marks:
        if start <= at < end:
            parts += [text[start:at], f"@{mention.path}" if mention.is_escaped else mention.path]
            start = mention.end
    return "".join([*parts, text[start:end]])


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
