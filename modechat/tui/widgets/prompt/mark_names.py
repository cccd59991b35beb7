"""Names for the style sheet of what is coloured in the prompt."""

from __future__ import annotations

CHAT, INSTRUCT, COMMAND, FILE = (
    "prompt--chat",
    "prompt--instruct",
    "prompt--command",
    "prompt--file",
)
