"""Commands typed at the prompt: `/task translate Spanish`. Which there are says the table of actions.

Only a known command at the very beginning counts: a path such as `/etc/hosts` is ordinary text. After a backslash a
command is text as well: `\\/task` sends `/task`. What looks like a command and is none is asked about before it is
sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modechat.commands.actions import ACTIONS, Action
from modechat.commands.other_names import MEANT, OTHER_NAMES
from modechat.domain.modes import Incomplete
from modechat.domain.near import did_you_mean, near

_NAMES = {action.slash: action for action in ACTIONS if action.slash}
_COMMANDS = {name: (action, "") for name, action in _NAMES.items()} | {
    other: (_NAMES[name.split()[0]], name.partition(" ")[2]) for other, name in OTHER_NAMES.items()
}
"""Each with the first of its words."""
_COMMAND = re.compile(r"\s*(\\?)/([^\W\d_][\w-]*|\?+)(?=\s|$)")


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
    action, first = _COMMANDS[match[2]]
    return SlashCommand(action, f"{first} {text[match.end() :].strip()}".strip())


def unknown_command(text: str) -> str:
    """Why `text` may be no message: it begins as a command does, and there is no such one. Empty: it is a message."""
    match = _COMMAND.match(text)
    if match is None or match[1] or match[2] in _COMMANDS:
        return ""
    ours = dict.fromkeys(_COMMANDS[name][0].slash for name in near(match[2], _COMMANDS, MEANT))
    return f"There is no command /{match[2]}. {did_you_mean(f'/{name}' for name in ours)}".strip()


def takes_no_words(command: SlashCommand) -> Incomplete:
    """Why a command with words does nothing that has none."""
    slash = f"/{command.action.slash}"
    return Incomplete(f"{slash} takes no words. \\{slash} … sends the text.")


def without_escape(text: str) -> str:
    """What is sent of `text`: without the backslash that makes a command text, or what looks like one."""
    match = _COMMAND.match(text)
    if match is None or not match[1]:
        return text
    return text[: match.start(1)] + text[match.end(1) :]


def word_of(words: str) -> tuple[str, str]:
    """The first of `words`, and what follows it in its line and below."""
    name, _, rest = words.partition("\n")
    first, _, said = name.partition(" ")
    return first, f"{said.strip()}\n{rest}" if rest else said.strip()
