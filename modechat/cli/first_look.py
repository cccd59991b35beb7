"""What the first frame needs of the config: it is read as it is, without the checks, which come behind the screen.

What is wrong there counts as not set.
"""

from __future__ import annotations

from dataclasses import dataclass

from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap, read_keymap
from modechat.paths import config_file

DEFAULT_THEME = "textual-dark"


@dataclass(frozen=True, slots=True)
class FirstLook:
    theme: str = DEFAULT_THEME
    keymap: Keymap = DEFAULT_KEYMAP


def first_look() -> FirstLook:
    try:
        text = config_file().read_text(encoding="utf-8-sig")
        import tomllib

        from textual.theme import BUILTIN_THEMES

        config = tomllib.loads(text)
    except (OSError, ValueError, RecursionError):
        return FirstLook()
    interface = config.get("interface")
    theme = interface.get("theme") if isinstance(interface, dict) else None
    keymap, _ = read_keymap(config.get("keys", {}))
    return FirstLook(
        theme=theme if isinstance(theme, str) and theme in BUILTIN_THEMES else DEFAULT_THEME, keymap=keymap
    )
