"""What can be completed at the prompt: commands, the names after them, and files after `@`. Pure.

A name that could not be typed is shown and refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeAlias

from modechat.commands.actions import ACTIONS, slash_usage
from modechat.domain.text import sanitize, sanitize_line
from modechat.session.attachments import FileEntry, size_text

_MOST = 100
_COMMAND = re.compile(r"\s*(/[a-z]*)")
_AFTER_COMMAND = re.compile(r"\s*/([a-z]+) +(\S*)")
_FILE = re.compile(r"(?:^|(?<=\s))@(\"[^\"]*|[^\s\"]*)$")
_MODEL_FILE = re.compile(r"\s*/(?:model|lora) +(\S.*)?")
_MODEL_SUFFIX = ".gguf"


class Kind(Enum):
    """What is being typed."""

    COMMAND = auto()
    NAME = auto()
    FILE = auto()
    MODEL_FILE = auto()


@dataclass(frozen=True, slots=True)
class Word:
    """The word before the cursor, from `start` in its line."""

    kind: Kind
    start: int
    text: str
    command: str = ""
    """The command that it follows."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a word may be completed to."""

    text: str
    """What takes the word's place."""
    shown: str
    detail: str = ""
    goes_on: bool = False
    """More is to be typed right after it."""
    is_whole: bool = False
    """With it the message is complete."""
    refused: str = ""
    """Why it cannot be taken."""


Names: TypeAlias = Callable[[str], Sequence[tuple[str, str]]]
"""The names that may follow a command, each with what it is."""


def word_before(before: str, *, is_first: bool) -> Word | None:
    """The word at the end of `before`, the text of the line up to the cursor, if it can be completed."""
    if is_first and (match := _COMMAND.fullmatch(before)):
        return Word(Kind.COMMAND, match.start(1), match[1])
    if is_first and (match := _MODEL_FILE.fullmatch(before)):
        start = match.start(1) if match[1] is not None else len(before)
        return Word(Kind.MODEL_FILE, start, before[start:])
    if is_first and (match := _AFTER_COMMAND.fullmatch(before)):
        return Word(Kind.NAME, match.start(2), match[2], match[1])
    if match := _FILE.search(before):
        return Word(Kind.FILE, match.start(), match[1].removeprefix('"'))
    return None


def commands(word: Word) -> list[Candidate]:
    """The commands that begin so."""
    typed = word.text.removeprefix("/")
    found = [action for action in ACTIONS if action.slash and action.slash.startswith(typed)]
    return [
        Candidate(
            f"/{action.slash} " if action.words else f"/{action.slash}",
            slash_usage(action),
            action.help,
            goes_on=bool(action.words),
            is_whole=not action.words,
        )
        for action in sorted(found, key=lambda action: action.slash)
    ]


def names(word: Word, known: Iterable[tuple[str, str]]) -> list[Candidate]:
    typed = word.text.casefold()
    return [
        Candidate(f"{name} ", name, sanitize_line(title), is_whole=False)
        for name, title in known
        if name.casefold().startswith(typed)
    ]


def split_path(written: str) -> tuple[str, str]:
    """The folder of a path that is being typed, as written, and the beginning of the name in it."""
    folder, slash, name = written.rpartition("/")
    return folder + slash, name


def files(word: Word, entries: Iterable[FileEntry]) -> list[Candidate]:
    """What in the folder fits what was typed: names that begin so first. Hidden ones only if a dot was typed."""
    folder, typed = split_path(word.text)
    wanted = typed.casefold()
    fitting = [
        entry
        for entry in entries
        if wanted in entry.name.casefold()
        and (typed.startswith(".") or not entry.name.startswith("."))
        and (
            word.kind is Kind.FILE
            or entry.is_folder
            or entry.name.casefold().endswith(_MODEL_SUFFIX)
        )
    ]
    fitting.sort(key=lambda entry: not entry.name.casefold().startswith(wanted))
    return [_file(word.kind, folder, entry) for entry in fitting[:_MOST]]


def _file(kind: Kind, folder: str, entry: FileEntry) -> Candidate:
    path = folder + entry.name
    shown = sanitize_line(entry.name) + ("/" if entry.is_folder else "")
    detail = "" if entry.is_folder else size_text(entry.size)
    if (
        sanitize(path) != path
        or '"' in path
        or any(mark in path for mark in "\n\t")
        or not _is_unicode(path)
    ):
        return Candidate("", shown, detail, refused="its name cannot be typed")
    if kind is Kind.MODEL_FILE:
        return Candidate(
            path + ("/" if entry.is_folder else ""), shown, detail, goes_on=entry.is_folder
        )
    quote = '"' if any(character.isspace() for character in path) else ""
    if entry.is_folder:
        return Candidate(f"@{quote}{path}/", shown, goes_on=True)
    if entry.is_binary:
        return Candidate("", shown, f"{detail} · binary", refused="it is not a text")
    return Candidate(f"@{quote}{path}{quote} ", shown, detail)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
