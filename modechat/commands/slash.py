"""Commands typed at the prompt: `/task question Who paid?`. Which there are says the table of actions.

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
from modechat.domain.typed import Typed, as_typed

_NAMES = {action.slash: action for action in ACTIONS if action.slash}
_COMMANDS = {name: (action, "") for name, action in _NAMES.items()} | {
    other: (_NAMES[name.split()[0]], name.partition(" ")[2]) for other, name in OTHER_NAMES.items()
}
"""Each with the first of its words."""
_COMMAND = re.compile(r"\s*(\\?)/([^\W\d_][\w-]*|\?+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command, and the words after it (white space around them taken off, lines below kept as they are)."""

    action: Action
    words: str = ""

    @property
    def asks_model(self) -> bool:
        """True for a named task: it asks the model something, and is sent as a message is."""
        return self.action.id == "choose_task" and bool(self.words)


def read_slash(text: str | Typed) -> SlashCommand | None:
    """The command that `text` is; None if it is ordinary text."""
    typed = as_typed(text)
    match = _command(typed)
    if match is None or match[1]:
        return None
    action, first = _COMMANDS[match[2]]
    words = typed.text[match.end() :].lstrip()
    # What stands in lines of its own below a command is a text.
    words = words.rstrip("\n") if "\n" in words.rstrip() else words.rstrip()
    return SlashCommand(action, f"{first} {words}".rstrip() if first else words)


def unknown_command(text: str | Typed) -> str:
    """Why `text` may be no message: it begins as a command does, and there is no such one. Empty: it is a message."""
    match = _like_a_command(as_typed(text))
    if match is None or match[1] or match[2] in _COMMANDS:
        return ""
    ours = dict.fromkeys(_COMMANDS[name][0].slash for name in near(match[2], _COMMANDS, MEANT))
    return f"There is no command /{match[2]}. {did_you_mean(f'/{name}' for name in ours)}".strip()


def takes_no_words(command: SlashCommand) -> Incomplete:
    """Why a command with words does nothing that has none."""
    slash = f"/{command.action.slash}"
    return Incomplete(f"{slash} takes no words. \\{slash} … sends the text.")


def without_escape(text: str | Typed) -> Typed:
    """What is sent of `text`: without the backslash that makes a command text, or what looks like one."""
    typed = as_typed(text)
    match = _like_a_command(typed)
    if match is None or not match[1]:
        return typed
    folds = tuple((start - 1, end - 1) for start, end in typed.folds)
    return Typed(typed.text[: match.start(1)] + typed.text[match.end(1) :], folds)


def _command(typed: Typed) -> re.Match[str] | None:
    """A known command at the very beginning, with its backslash if it has one, that was typed."""
    match = _like_a_command(typed)
    return match if match is not None and match[2] in _COMMANDS else None


def _like_a_command(typed: Typed) -> re.Match[str] | None:
    """What is written as a command is, known or not."""
    match = _COMMAND.match(typed.text)
    if match is None:
        return None
    return None if typed.folds and typed.folds[0][0] < match.end() else match


def word_of(words: str) -> tuple[str, str]:
    """The first of `words`, and what follows it in its line and below."""
    name, _, rest = words.partition("\n")
    first, _, said = name.partition(" ")
    return first, f"{said.strip()}\n{rest}" if rest else said.strip()
