"""What an action is: an entry of the table in `actions.py`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """What an action is about, in the order of the help screen and the README."""

    PROMPT = "Prompt"
    REPLY = "Reply"
    MESSAGE = "Message"
    CONVERSATION = "Conversation"
    VIEW = "View"
    PROGRAM = "Program"
    EDITING = "Editing the prompt"


class Moment(StrEnum):
    """When a hint at the prompt names an action."""

    IDLE = "idle"
    BUSY = "busy"
    SELECTED = "selected"
    """A message is selected."""
    SELECTED_BUSY = "selected while a reply is written"


@dataclass(frozen=True, slots=True)
class Action:
    """Something that the user can do. `id` is also the name of the method that does it, and in the config."""

    id: str
    keys: tuple[str, ...]
    """The usual ones, as Textual names them; the first is shown."""
    label: str
    help: str
    in_palette: bool = True
    is_binding: bool = True
    """False: the prompt handles the keys itself; or it can only be typed, and has none."""
    slash: str = ""
    """Its command at the prompt, without the slash; empty if it has none."""
    words: str = ""
    """What may follow the command, as the help writes it."""
    group: Group = Group.CONVERSATION
    needs_screen: bool = False
    """Whether its command means nothing in the plain front end."""
    hint: str = ""
    """What the key does, in a word, where the prompt's border names it."""
    moments: tuple[Moment, ...] = ()
    """When it does."""
    edits: str = ""
    """The text area's own name for it, if it is an edit of the text at the prompt."""


def edit(action_id: str, keys: tuple[str, ...], label: str, edits: str = "") -> Action:
    """An edit of the text at the prompt, which the text area does; `edits` is its name there, if it is another one."""
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
