"""What is coloured in the prompt: headers that count, the command that the text is, and files that it attaches."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from modechat.commands.slash import read_slash
from modechat.domain.attachments import files_meant
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers
from modechat.domain.typed import Typed, joined_lines
from modechat.tui.widgets.prompt.mark_names import CHAT, COMMAND, FILE, INSTRUCT

_LARGEST = 200_000
"""Of larger texts only what the prompt shows is looked at, not what is behind its tokens."""
_COMMAND = re.compile(r"\s*(/[a-z]+)")


def marks(
    lines: Sequence[str], behind: Sequence[Typed], state: ModeState, files: Collection[str] = ()
) -> dict[int, list[tuple[int, int, str]]]:
    """The coloured ranges by line, each with its name for the style sheet.

    `lines` are those that the prompt shows, `behind` what each of them means; `files` are known to exist.
    """
    if sum(len(typed.text) for typed in behind) > _LARGEST:
        behind = [Typed(line) for line in lines]
    found: dict[int, list[tuple[int, int, str]]] = {}
    shown_at: dict[int, int] = {}
    n_lines = 0
    for row, typed in enumerate(behind):
        if not typed.folds:
            shown_at[n_lines] = row
        n_lines += typed.text.count("\n") + 1
    for header in headers(joined_lines(behind), state):
        if header.line in shown_at:
            name = CHAT if header.word == Mode.CHAT else INSTRUCT
            found.setdefault(shown_at[header.line], []).append((header.start, header.end, name))
    first = next((row for row, line in enumerate(lines) if line.strip()), None)
    if (
        first is not None
        and (match := _COMMAND.match(lines[first]))
        and read_slash("\n".join(lines[first:]))
    ):
        found.setdefault(first, []).append((match.start(1), match.end(1), COMMAND))
    for row, line in enumerate(lines) if files else ():
        for meant in files_meant(Typed(line), files.__contains__):
            if not meant.is_escaped:
                found.setdefault(row, []).append((meant.start, meant.end, FILE))
    return found
