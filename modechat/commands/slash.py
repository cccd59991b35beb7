"""Commands typed at the prompt: `/task translate Spanish`. Which there are says the table of actions.

Only a known command at the very beginning counts: a path such as `/etc/hosts` is ordinary text. After a backslash a
command is text as well: `\\/task` sends `/task`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modechat.commands.actions import ACTIONS, Action
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, as_typed

_COMMANDS = {action.slash: action for action in ACTIONS if action.slash}
_COMMAND = re.compile(r"\s*(\\?)/([a-z]+)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command, and the words after it (white space around them taken off, lines below kept as they are)."""

    action: Action
    words: str = ""


def read_slash(text: str | Typed) -> SlashCommand | None:
    """The command that `text` is; None if it is ordinary text."""
    typed = as_typed(text)
    match = _command(typed)
    if match is None or match[1]:
        return None
    words = typed.text[match.end() :].lstrip()
    # What stands in lines of its own below a command is a text.
    return SlashCommand(_COMMANDS[match[2]], words.rstrip("\n") if "\n" in words.rstrip() else words.rstrip())


def takes_no_words(command: SlashCommand) -> Incomplete:
    """Why a command with words does nothing that has none."""
    slash = f"/{command.action.slash}"
    return Incomplete(f"{slash} takes no words. \\{slash} … sends the text.")


def without_escape(text: str | Typed) -> Typed:
    """What is sent of `text`: without the backslash that makes a command text."""
    typed = as_typed(text)
    match = _command(typed)
    if match is None or not match[1]:
        return typed
    folds = tuple((start - 1, end - 1) for start, end in typed.folds)
    return Typed(typed.text[: match.start(1)] + typed.text[match.end(1) :], folds)


def _command(typed: Typed) -> re.Match[str] | None:
    """A known command at the very beginning, with its backslash if it has one, that was typed."""
    match = _COMMAND.match(typed.text)
    if match is None or match[2] not in _COMMANDS:
        return None
    return None if typed.folds and typed.folds[0][0] < match.end() else match


def word_of(words: str) -> tuple[str, str]:
    """The first of `words`, and what follows it in its line and below."""
    name, _, rest = words.partition("\n")
    first, _, said = name.partition(" ")
    return first, f"{said.strip()}\n{rest}" if rest else said.strip()
