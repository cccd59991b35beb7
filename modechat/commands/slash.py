"""Reads commands typed at the prompt: `/task question Who paid?`. The table of actions lists them.

Only a known command at the very beginning counts: a path such as `/etc/hosts` is ordinary text. A
command after a backslash is text as well: `\\/task` sends `/task`. Before the program sends a text
that looks like an unknown command, it asks the user.
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
"""Names of commands, each with its action and its first words."""
_COMMAND = re.compile(r"\s*(\\?)/([^\W\d_][\w-]*|\?+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command and the words after it, without the white space around them.

    Lines below the command are kept as they are.
    """

    action: Action
    words: str = ""

    @property
    def asks_model(self) -> bool:
        """True for a named task, which is sent to the model like a message."""
        return self.action.id == "choose_task" and bool(self.words)


def read_slash(text: str | Typed) -> SlashCommand | None:
    """Return the command in `text`, or None if it is ordinary text."""
    typed = as_typed(text)
    match = _command(typed)
    if match is None or match[1]:
        return None
    action, first = _COMMANDS[match[2]]
    words = typed.text[match.end() :].lstrip()
    if "\n" in words.rstrip():  # lines below a command are text
        words = words.rstrip("\n")
    else:
        words = words.rstrip()
    if first:
        words = f"{first} {words}".rstrip()
    return SlashCommand(action, words)


def unknown_command(text: str | Typed) -> str:
    """Return the reason why `text` may be no message: it begins with an unknown command.

    Empty if it is a message.
    """
    match = _like_a_command(as_typed(text))
    if match is None or match[1] or match[2] in _COMMANDS:
        return ""
    suggested: list[str] = []
    for name in near(match[2], _COMMANDS, MEANT):
        command = f"/{_COMMANDS[name][0].slash}"
        if command not in suggested:
            suggested.append(command)
    return f"There is no command /{match[2]}. {did_you_mean(suggested)}".strip()


def takes_no_words(command: SlashCommand) -> Incomplete:
    """Return the reason why a command does nothing: words follow it, and it takes none."""
    slash = f"/{command.action.slash}"
    return Incomplete(f"{slash} takes no words. \\{slash} … sends the text.")


def without_escape(text: str | Typed) -> Typed:
    """Return `text` without the backslash that turns a command, or a similar word, into text."""
    typed = as_typed(text)
    match = _like_a_command(typed)
    if match is None or not match[1]:
        return typed
    folds = tuple((start - 1, end - 1) for start, end in typed.folds)
    return Typed(typed.text[: match.start(1)] + typed.text[match.end(1) :], folds)


def _command(typed: Typed) -> re.Match[str] | None:
    """Match a known command that was typed at the very beginning, with its backslash, if any."""
    match = _like_a_command(typed)
    if match is None or match[2] not in _COMMANDS:
        return None
    return match


def _like_a_command(typed: Typed) -> re.Match[str] | None:
    """Match a word in the form of a command, known or not, that was not pasted."""
    match = _COMMAND.match(typed.text)
    if match is None or (typed.folds and typed.folds[0][0] < match.end()):
        return None
    return match


def word_of(words: str) -> tuple[str, str]:
    """Return the first of `words`, and the rest of its line with the lines below."""
    line, _, below = words.partition("\n")
    first, _, rest = line.partition(" ")
    rest = rest.strip()
    if below:
        rest = f"{rest}\n{below}"
    return first, rest
