"""Names of commands in other programs, and words that hint at one of our commands."""

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
"""A name from other programs, and the command that it is here with the first of its words."""
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
"""A word that is no command, and the command that is suggested when somebody types it."""
