"""Finds what is coloured in the prompt: headers with a meaning, a command, and attached files."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import TypeAlias

from modechat.commands.slash import read_slash
from modechat.domain.attachments import files_meant
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers
from modechat.domain.typed import Typed, joined_lines
from modechat.tui.widgets.prompt.mark_names import CHAT, COMMAND, FILE, INSTRUCT

_LARGEST = 200_000
"""The most characters that are read with the texts of tokens.

Of larger texts only what the prompt shows is read.
"""
_COMMAND = re.compile(r"\s*(/[a-z]+)")

Mark: TypeAlias = tuple[int, int, str]
"""Start and end in a line, and the name for the stylesheet."""


def marks(
    lines: Sequence[str], meant: Sequence[Typed], state: ModeState, files: Collection[str] = ()
) -> dict[int, list[Mark]]:
    """Return the coloured ranges by line.

    `lines` are shown by the prompt, `meant` is the meaning of each line, and `files` are known to
    exist.
    """
    if sum(len(typed.text) for typed in meant) > _LARGEST:
        meant = [Typed(line) for line in lines]
    found: dict[int, list[Mark]] = defaultdict(list)
    for row, mark in (*_headers(meant, state), *_command(lines), *_files(lines, files)):
        found[row].append(mark)
    return dict(found)


def _headers(meant: Sequence[Typed], state: ModeState) -> Iterator[tuple[int, Mark]]:
    rows: dict[int, int] = {}
    """The rows of the prompt by lines of the meant text, for lines that are shown as they are."""
    n_lines = 0
    for row, typed in enumerate(meant):
        if not typed.folds:
            rows[n_lines] = row
        n_lines += typed.text.count("\n") + 1
    for header in headers(joined_lines(meant), state):
        if header.line in rows:
            name = CHAT if header.word == Mode.CHAT else INSTRUCT
            yield rows[header.line], (header.start, header.end, name)


def _command(lines: Sequence[str]) -> Iterator[tuple[int, Mark]]:
    for row, line in enumerate(lines):
        if line.strip():
            match = _COMMAND.match(line)
            if match is not None and read_slash("\n".join(lines[row:])):
                yield row, (match.start(1), match.end(1), COMMAND)
            return


def _files(lines: Sequence[str], files: Collection[str]) -> Iterator[tuple[int, Mark]]:
    if not files:
        return
    for row, line in enumerate(lines):
        for mention in files_meant(Typed(line), files.__contains__):
            if not mention.is_escaped:
                yield row, (mention.start, mention.end, FILE)
