"""Finds the files that a message mentions, and puts their text into the message.

`@notes.txt`, at the beginning of a word, mentions a file; `@"my notes.txt"` mentions one whose name
has white space. Scripts that put no spaces between words need none here either. A mention is plain
text after a backslash, inside a code fence and in a big paste, and so is the name of a file that
does not exist. The file's text comes below the line that mentions it, under its name, in a fence
that is longer than any fence in it:

    Summarise notes.txt in a line.

    notes.txt:
    ```txt
    …
    ```

The file's text replaces a line that holds only the mention.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

from modechat.domain.fences import fenced_ranges
from modechat.domain.typed import Typed

_AT = re.compile(r"\\?@")
_QUOTES = {
    '"': '"',
    "'": "'",
    "“": "”",
    "‘": "’",
    "„": "“”",
    "‚": "‘’",
    "«": "»",
    "»": "«",
    "‹": "›",
    "›": "‹",
    "「": "」",
    "『": "』",
}
"""Opening quotation marks, each with the marks that close it."""
_QUOTED_PATH = re.compile(
    "|".join(f"{opens}[^{closes}\n]+[{closes}]" for opens, closes in _QUOTES.items())
)
_BARE_PATH = re.compile(r"(?!\")\S+")
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
"""Characters of scripts without spaces between words, or with particles right after them."""
_MAX_PATH = 1_024
"""The most characters of a path."""
_MAX_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention of a file at `text[start:end]`."""

    start: int
    end: int
    path: str
    is_escaped: bool = False
    """True if a backslash precedes it, so that it is plain text."""
    is_quoted: bool = False
    tail: str = ""
    """Punctuation inside the quotation marks that belongs to the sentence, not to the file name."""


def mentions(typed: Typed) -> tuple[Mention, ...]:
    """Return all mentions in a text, in order, even of files that do not exist.

    Mentions may overlap: where words have no spaces between them, only the existing files tell
    where a name ends.
    """
    text = typed.text
    for start, end in typed.folds:
        text = f"{text[:start]}{_FOLDED * (end - start)}{text[end:]}"
    if "@" not in text:
        return ()
    fenced = fenced_ranges(typed.text)
    found = []
    for at in _AT.finditer(text):
        mention = _mention_at(text, at)
        if mention is not None and not _overlaps(mention, fenced):
            found.append(mention)
    return tuple(found)


def _mention_at(text: str, at: re.Match[str]) -> Mention | None:
    """Return the mention that begins with the `@` at `at`, or None."""
    if not _may_begin(text[: at.start()][-1:]):
        return None
    longest = at.end() + _MAX_PATH
    quoted = _QUOTED_PATH.match(text, at.end(), longest)
    match = quoted or _BARE_PATH.match(text, at.end(), longest)
    if match is None or _FOLDED in match[0]:
        return None
    path = match[0]
    if quoted:
        path = path[1:-1]
    return Mention(at.start(), match.end(), path, len(at[0]) > 1, quoted is not None)


def _overlaps(mention: Mention, ranges: Sequence[tuple[int, int]]) -> bool:
    return any(start < mention.end and mention.start < end for start, end in ranges)


def files_meant(typed: Typed, is_file: Callable[[str], bool]) -> Iterator[Mention]:
    """Yield the mentions of files that exist, each cut to the file's name."""
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
    """Return the possible meanings of a mention, the likeliest first.

    Punctuation at its end may belong to the sentence. Where words have no spaces between them, so
    may the words after the name.
    """
    path = mention.path
    if mention.is_quoted:
        shorter = list(_without_punctuation(path))[:_MAX_CANDIDATES]
        return tuple([replace(mention, path=one, tail=path[len(one) :]) for one in shorter])
    found: dict[str, None] = {}
    for end in range(len(path), 0, -1):
        if end == len(path) or _has_no_spaces(path[end]):
            found |= dict.fromkeys(_without_punctuation(path[:end]))
    begin = mention.end - len(path)
    likeliest = list(found)[:_MAX_CANDIDATES]
    return tuple([replace(mention, path=one, end=begin + len(one)) for one in likeliest])


def _without_punctuation(path: str) -> Iterator[str]:
    """Yield the path, then the path without its last sign, while that may close it."""
    yield path
    while len(path) > 1 and _may_close(path[-1]):
        path = path[:-1]
        yield path


def attached(
    typed: Typed, files: Mapping[Mention, str], escaped: Collection[Mention] = ()
) -> Typed:
    """Return the message with the texts of the mentioned files, which are folds: nobody typed them.

    The `escaped` mentions lose their backslash.
    """
    text = typed.text
    by_line: dict[int, list[Mention]] = {}
    for mention in files:
        end = text.find("\n", mention.end)
        by_line.setdefault(len(text) if end < 0 else end, []).append(mention)
    message = _Message(typed, sorted((*files, *escaped), key=attrgetter("start")))
    at = 0
    for line_end, mentioned in sorted(by_line.items()):
        line_start = text.rfind("\n", 0, line_end) + 1
        if _is_alone(mentioned[0], text[line_start:line_end], line_start):
            message.add_named(at, line_start)
        else:
            message.add_named(at, line_end)
            message.end_line()
        for number, mention in enumerate(mentioned):
            if number:
                message.add("\n\n")
            message.add(block(mention.path, files[mention]), is_typed=False)
        at = line_end
        if text[at : at + 2] not in ("", "\n", "\n\n"):
            message.add("\n")
    message.add_named(at, len(text))
    return message.whole()


def _is_alone(mention: Mention, line: str, line_start: int) -> bool:
    """Return True if the line holds only this mention."""
    mentioned = line[mention.start - line_start : mention.end - line_start]
    return line.strip() == mentioned and not mention.tail


def block(path: str, content: str) -> str:
    """Return a file's text in the form that the model gets."""
    content = content.rstrip("\n")
    longest = max(map(len, _BACKTICKS.findall(content)), default=0)
    fence = "`" * max(3, longest + 1)
    name = path.replace("\r", " ").replace("\n", " ")
    return f"{name}:\n{fence}{_language_of(path)}\n{content}\n{fence}"


def _language_of(path: str) -> str:
    """Return the ending of the file's name, which tells the language, or "" if there is none."""
    name = path.rpartition("/")[2].lstrip(".")
    if "." not in name:
        return ""
    ending = path.rpartition(".")[2]
    return ending if _LANGUAGE.fullmatch(ending) else ""


class _Message:
    """A text made of ranges of another text and of pieces that were not typed."""

    def __init__(self, source: Typed, mentioned: Sequence[Mention]) -> None:
        """`mentioned`: the mentions of files that exist, in order."""
        self._source = source
        self._mentioned = mentioned
        self._parts: list[str] = []
        self._length = 0
        self._folds: list[tuple[int, int]] = []

    def add(self, text: str, *, is_typed: bool = True) -> None:
        if text and not is_typed:
            self._folds.append((self._length, self._length + len(text)))
        self._parts.append(text)
        self._length += len(text)

    def add_named(self, start: int, end: int) -> None:
        """Add a range of the source in which names replace mentions, without `@` and quotes."""
        for mention in self._mentioned:
            if start <= mention.start < end:
                self._copy(start, mention.start)
                if mention.is_escaped:
                    self._copy(mention.start + 1, mention.end)
                else:
                    self.add(mention.path + mention.tail)
                start = mention.end
        self._copy(start, end)

    def _copy(self, start: int, end: int) -> None:
        """Add a range of the source with its folds."""
        for begin, stop in self._source.folds:
            if begin < end and start < stop:
                shift = self._length - start
                self._folds.append((max(begin, start) + shift, min(stop, end) + shift))
        self.add(self._source.text[start:end])

    def end_line(self) -> None:
        """Add an empty line, and remove typed spaces before it."""
        text = "".join(self._parts)
        not_typed = 0
        if self._folds:
            not_typed = self._folds[-1][1]
        self._parts = [text[:not_typed] + text[not_typed:].rstrip(" ")]
        self._length = len(self._parts[0])
        self.add("\n\n")

    def whole(self) -> Typed:
        return Typed("".join(self._parts), tuple(self._folds))


def _may_begin(before: str) -> bool:
    """Return True if a mention may follow this character: `me@notes.txt` has no mention."""
    if not before or before.isspace() or before in _OPENING or _has_no_spaces(before):
        return True
    return _is_foreign_sign(before)


def _may_close(character: str) -> bool:
    """Return True if a character at the end of a name may belong to the sentence."""
    return character in _CLOSING or _is_foreign_sign(character)


def _is_foreign_sign(character: str) -> bool:
    """Return True for punctuation and symbols beyond ASCII."""
    return not character.isascii() and unicodedata.category(character)[0] in "PS"


def _has_no_spaces(character: str) -> bool:
    """Return True if the character's script writes words without spaces between them."""
    return any(first <= character <= last for first, last in _WITHOUT_SPACES)
