"""Names of commands in other programs, and words that suggest one of our commands."""

from __future__ import annotations

OTHER_NAMES = {
    "exit": "quit",
    "bye": "quit",
    "q": "quit",
    "clear": "new",
    "reset": "new",
    "models": "model",
    "set": "settings",
    "system": "settings chat_system",
    "h": "help",
    "?": "help",
}
"""Names from other programs, each with our command and its first words."""
MEANT = {
    "config": "settings",
    "context": "status",
    "continue_reply": "continue",
    "copy_code": "copy",
    "export": "copy",
    "go": "continue",
    "info": "status",
    "instruct": "mode",
    "chat": "mode",
    "keys": "help",
    "list": "open",
    "load": "open",
    "colours": "theme",
    "colors": "theme",
    "redo": "regenerate",
    "remove": "delete",
    "rm": "delete",
    "show": "status",
    "summarise": "compact",
    "summarize": "compact",
    "temp": "settings",
    "temperature": "settings",
    "template": "format",
    "undo": "edit",
    "usage": "status",
}
"""Words that are not commands, each with the command to suggest for it."""
