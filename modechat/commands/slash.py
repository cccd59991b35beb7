"""Commands typed at the prompt: `/task question Who paid?`. Which there are says the table of actions.

Only a known command at the very beginning counts: a path such as `/etc/hosts` is ordinary text. After a backslash a
command is text as well: `\\/task` sends `/task`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modechat.commands.actions import ACTIONS, Action
from modechat.domain.modes import Incomplete

_COMMANDS = {action.slash: action for action in ACTIONS if action.slash}
_COMMAND = re.compile(r"\s*(\\?)/([a-z]+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command, and the words after it (outer white space taken off, lines kept)."""

    action: Action
    words: str = ""


def read_slash(text: str) -> SlashCommand | None:
    """The command that `text` is; None if it is ordinary text."""
    match = _COMMAND.match(text)
    if match is None or match[1] or match[2] not in _COMMANDS:
        return None
    return SlashCommand(_COMMANDS[match[2]], text[match.end() :].strip())


def takes_no_words(command: SlashCommand) -> Incomplete:
    """Why a command with words does nothing that has none."""
    slash = f"/{command.action.slash}"
    return Incomplete(f"{slash} takes no words. \\{slash} … sends the text.")


def without_escape(text: str) -> str:
    """What is sent of `text`: without the backslash that makes a command text."""
    match = _COMMAND.match(text)
    if match is None or not match[1] or match[2] not in _COMMANDS:
        return text
    return text[: match.start(1)] + text[match.end(1) :]


def word_of(words: str) -> tuple[str, str]:
    """The first of `words`, and what follows it in its line and below."""
    name, _, rest = words.partition("\n")
    first, _, said = name.partition(" ")
    return first, f"{said.strip()}\n{rest}" if rest else said.strip()
