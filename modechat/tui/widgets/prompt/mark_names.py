"""Names for the style sheet of what is coloured in the prompt."""

from __future__ import annotations

CHAT = "prompt--chat"
INSTRUCT = "prompt--instruct"
COMMAND = "prompt--command"
FILE = "prompt--file"
