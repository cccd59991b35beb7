"""Finds completions at the prompt: commands, the names after them, and files after `@`.

A file whose name cannot be typed is shown and refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from operator import attrgetter
from typing import TypeAlias

from modechat.commands.actions import ACTIONS, slash_usage
from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.text import sanitize, sanitize_line
from modechat.session.attachments import FileEntry

_MOST = 100
_COMMAND = re.compile(r"\s*(/[a-z]*)")
_AFTER_COMMAND = re.compile(r"\s*/([a-z]+) +(\S*)")
_FILE = re.compile(r"(?:^|(?<=\s))@(\"[^\"]*|[^\s\"]*)$")
_MODEL_FILE = re.compile(r"\s*/(?:model|lora) +(\S.*)?")
_MODEL_SUFFIX = ".gguf"
_UNTYPABLE = re.compile('["\n\t\ud800-\udfff]')


class Kind(Enum):
    """The kind of word that is being typed."""

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
    """The command before the word."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A completion of a word."""

    text: str
    """The text that replaces the word."""
    shown: str
    detail: str = ""
    goes_on: bool = False
    """True if the user goes on typing right after it."""
    is_whole: bool = False
    """True if the message is complete with it."""
    refused: str = ""
    """The reason why it cannot be chosen."""


Names: TypeAlias = Callable[[str], Sequence[tuple[str, str]]]
"""Returns the names that may follow a command, each with a description."""


def word_before(before: str, *, is_first: bool) -> Word | None:
    """Return the last word of `before`, the line up to the cursor, if it can be completed."""
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
    """Return the commands that begin with the word."""
    typed = word.text.removeprefix("/")
    found: list[Candidate] = []
    for action in sorted(ACTIONS, key=attrgetter("slash")):
        if action.slash and action.slash.startswith(typed):
            goes_on = bool(action.words)
            text = f"/{action.slash}"
            if goes_on:
                text += " "
            usage = slash_usage(action)
            about = action.command_help
            found.append(Candidate(text, usage, about, goes_on=goes_on, is_whole=not goes_on))
    return found


def names(word: Word, known: Iterable[tuple[str, str]]) -> list[Candidate]:
    """Return the `known` names that begin with the word."""
    typed = word.text.casefold()
    found: list[Candidate] = []
    for name, title in known:
        if name.casefold().startswith(typed):
            found.append(Candidate(f"{name} ", name, sanitize_line(title)))
    return found


def split_path(written: str) -> tuple[str, str]:
    """Split a path that is being typed into its folder and the beginning of a name there."""
    folder, slash, name = written.rpartition("/")
    return folder + slash, name


def files(word: Word, entries: Iterable[FileEntry]) -> list[Candidate]:
    """Return the entries that fit the word; those that begin with it come first.

    Hidden entries fit only if a dot was typed.
    """
    folder, typed = split_path(word.text)
    wanted = typed.casefold()
    beginning: list[FileEntry] = []
    containing: list[FileEntry] = []
    for entry in entries:
        name = entry.name.casefold()
        if entry.name.startswith(".") and not typed.startswith("."):
            continue
        if word.kind is Kind.MODEL_FILE and not (entry.is_folder or name.endswith(_MODEL_SUFFIX)):
            continue
        if name.startswith(wanted):
            beginning.append(entry)
        elif wanted in name:
            containing.append(entry)
    fitting = (beginning + containing)[:_MOST]
    return [_file(word.kind, folder, entry) for entry in fitting]


def _file(kind: Kind, folder: str, entry: FileEntry) -> Candidate:
    path, shown, detail = folder + entry.name, sanitize_line(entry.name), ""
    if entry.is_folder:
        shown += "/"
    else:
        detail = shown_bytes(entry.size)
    if not _can_be_typed(path):
        return Candidate("", shown, detail, refused="its name cannot be typed")
    if kind is Kind.MODEL_FILE:
        if entry.is_folder:
            path += "/"
        return Candidate(path, shown, detail, goes_on=entry.is_folder)
    has_space = any(map(str.isspace, path))
    quote = '"' if has_space else ""
    if entry.is_folder:
        return Candidate(f"@{quote}{path}/", shown, goes_on=True)
    if entry.is_binary:
        return Candidate("", shown, f"{detail} · binary", refused="it is not a text")
    return Candidate(f"@{quote}{path}{quote} ", shown, detail)


def _can_be_typed(path: str) -> bool:
    return sanitize(path) == path and _UNTYPABLE.search(path) is None
