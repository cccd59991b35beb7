"""Defines an action: an entry of the table in `actions.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """The groups of the help screen and the documents, in their order."""

    PROMPT = "Prompt"
    REPLY = "Reply"
    MESSAGE = "Message"
    CONVERSATION = "Conversation"
    VIEW = "View"
    PROGRAM = "Program"
    EDITING = "Editing the prompt"


class Moment(StrEnum):
    """A state of the screen. The hint at the prompt names the actions that matter in it."""

    IDLE = "idle"
    """Nothing is being written, and nothing is selected."""
    BUSY = "busy"
    """A reply is being written."""
    SELECTED = "selected"
    """A message is selected."""
    SELECTED_BUSY = "selected while a reply is written"
    """A message is selected, and a reply is being written."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the user can do."""

    id: str
    """The name in the config, and of the method that does it."""
    keys: tuple[str, ...]
    """The usual keys, as Textual names them. The first one is shown."""
    label: str
    """The name on the screen."""
    help: str
    """The description in the help and the documents."""
    in_palette: bool = True
    """True if the list of commands offers it."""
    is_binding: bool = True
    """True if a key does it anywhere on the screen. False if the prompt handles the keys itself, or
    if the action can only be typed."""
    slash: str = ""
    """The name of its command, without the slash; empty if it has none."""
    words: str = ""
    """The words that may follow the command, as the help writes them: `[NUMBER]`."""
    typed_help: str = ""
    """The description of the command for every front end; empty: the same as `help`."""
    group: Group = Group.CONVERSATION
    """The group in which the help lists it."""
    needs_screen: bool = False
    """True if its command does nothing in the plain front end."""
    hint: str = ""
    """The effect of the key in a word, for the hint at the prompt; empty if no hint names it."""
    moments: tuple[Moment, ...] = ()
    """The states of the screen in which the hint names it."""
    edits: str = ""
    """The text area's own action that does it; empty if it does not edit the text at the prompt."""

    @property
    def command_help(self) -> str:
        return self.typed_help or self.help


def edit(action_id: str, keys: tuple[str, ...], label: str, edits: str = "") -> Action:
    """Return an action by which the text area edits the text at the prompt.

    `edits` is its name in the text area, if that differs.
    """
    return Action(
        action_id,
        keys,
        label,
        help=label,
        in_palette=False,
        is_binding=False,
        group=Group.EDITING,
        edits=edits or action_id,
    )
