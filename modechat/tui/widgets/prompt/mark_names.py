"""The names in the stylesheet of what is coloured in the prompt."""

from __future__ import annotations

CHAT = "prompt--chat"
INSTRUCT = "prompt--instruct"
COMMAND = "prompt--command"
FILE = "prompt--file"
