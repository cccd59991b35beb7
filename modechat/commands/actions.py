"""The table of actions, the source of bindings, hints, palette, commands, help and documents.

Users can give actions other keys: the keys in force are in `keymap.py`.
"""

from __future__ import annotations

from modechat.commands.action import Action as Action
from modechat.commands.action import Group as Group
from modechat.commands.action import Moment as Moment
from modechat.commands.conversation_actions import CONVERSATION, MESSAGE, REPLY
from modechat.commands.keys import key_name as key_name
from modechat.commands.program_actions import PROGRAM, VIEW
from modechat.commands.prompt_actions import EDITING, PROMPT

ACTIONS = (*PROMPT, *REPLY, *CONVERSATION, *MESSAGE, *VIEW, *PROGRAM, *EDITING)


MODES = (
    ("### Instruction", "alone: every message is a task of its own, without history"),
    ("### Instruction …", "with text: this one message is a task"),
    (
        "### Input",
        "in a task: the text to work on; empty at its end: every following message is an input",
    ),
    ("### Response", "at the end of a task: how the reply starts"),
    ("### Chat", "alone: back to the chat; with text: this one message is chat"),
    ("\\### …", "sends the text itself"),
)
"""The headers that change the mode, and their effects."""


def slash_usage(action: Action) -> str:
    """Return the command as the help writes it: `/think [on/off/auto]`."""
    return f"/{action.slash} {action.words}".rstrip()


def slash_table(*, without_screen: bool = False) -> tuple[tuple[str, str], ...]:
    """List the commands with their effects, in the order of the help screen and the documents."""
    rows: list[tuple[str, str]] = []
    for action in ACTIONS:
        if action.slash and not (without_screen and action.needs_screen):
            rows.append((slash_usage(action), action.command_help))
    return tuple(rows)
