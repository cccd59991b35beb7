"""What is coloured in the prompt: headers that count, the command that the text is, and files that it attaches."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from modechat.commands.slash import read_slash
from modechat.domain.attachments import candidates, mentions
from modechat.domain.modes import Mode, ModeState, headers
from modechat.domain.typed import Typed

CHAT, INSTRUCT, COMMAND, FILE = "prompt--chat", "prompt--instruct", "prompt--command", "prompt--file"
"""Names for the style sheet."""

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
    whole: list[str] = []
    shown_at: dict[int, int] = {}
    for row, typed in enumerate(behind):
        if not typed.folds:
            shown_at[len(whole)] = row
        whole += typed.text.split("\n") if typed.folds else [typed.text]
    for header in headers("\n".join(whole), state):
        if header.line in shown_at:
            name = CHAT if header.word == Mode.CHAT else INSTRUCT
            found.setdefault(shown_at[header.line], []).append((header.start, header.end, name))
    first = next((row for row, line in enumerate(lines) if line.strip()), None)
    if first is not None and (match := _COMMAND.match(lines[first])) and read_slash("\n".join(lines[first:])):
        found.setdefault(first, []).append((match.start(1), match.end(1), COMMAND))
    for row, line in enumerate(lines) if files else ():
        for mention in mentions(Typed(line)):
            if (meant := next((one for one in candidates(mention) if one.path in files), None)) is not None:
                found.setdefault(row, []).append((meant.start, meant.end, FILE))
    return found
