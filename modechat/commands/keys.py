"""Converts names of keys between those in the config, Textual's names and those that are shown."""

from __future__ import annotations

import re

from modechat.domain.near import near

_MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
"""The order in which Textual writes them."""
_OTHER_MODIFIERS = {
    "control": "ctrl",
    "ctl": "ctrl",
    "option": "alt",
    "opt": "alt",
    "cmd": "super",
    "command": "super",
}
_NAMED = (
    "escape",
    "enter",
    "tab",
    "space",
    "backspace",
    "delete",
    "insert",
    "home",
    "end",
    "pageup",
    "pagedown",
    "up",
    "down",
    "left",
    "right",
    *(f"f{number}" for number in range(1, 25)),
)
_OTHER_NAMES = {
    "esc": "escape",
    "return": "enter",
    "del": "delete",
    "ins": "insert",
    "pgup": "pageup",
    "page up": "pageup",
    "page_up": "pageup",
    "pgdn": "pagedown",
    "pgdown": "pagedown",
    "page down": "pagedown",
    "page_down": "pagedown",
    "spacebar": "space",
}
_SAME_TO_A_TERMINAL = {
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+[": "escape",
    "ctrl+h": "backspace",
}
_CHARACTERS = {
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "\\": "backslash",
    "/": "slash",
    "@": "at",
    "-": "minus",
    "_": "underscore",
    "^": "circumflex_accent",
    ".": "full_stop",
    ",": "comma",
    ";": "semicolon",
    "'": "apostrophe",
    "`": "grave_accent",
    "=": "equals_sign",
}
_SHOWN_CHARACTERS = {name: character for character, name in _CHARACTERS.items()}
_SHOWN = {
    "pageup": "Page Up",
    "pagedown": "Page Down",
    "escape": "Esc",
    "delete": "Del",
    "insert": "Ins",
}
_LONGEST = 40


def read_key(text: str) -> str:
    """Return the key as Textual names it. Raises ValueError with the reason if it is not a key."""
    written = text.strip().casefold()
    if not written or len(written) > _LONGEST:
        raise ValueError("this is no key")
    *modifiers, key = _parts(written)
    modifiers = [_OTHER_MODIFIERS.get(modifier, modifier) for modifier in modifiers]
    key = _OTHER_NAMES.get(key, key)
    key = _SHOWN_CHARACTERS.get(key, key)
    for modifier in modifiers:
        if modifier not in _MODIFIERS:
            raise ValueError(_unknown(modifier, _MODIFIERS))
    if key not in _NAMED and not _is_character(key):
        raise ValueError(_unknown(key, _NAMED))
    if set(modifiers) <= {"shift"} and (len(key) == 1 or key == "space"):
        raise ValueError("that is typed: it needs ctrl or alt")
    if same := _SAME_TO_A_TERMINAL.get("+".join((*sorted(set(modifiers)), key))):
        raise ValueError(f"terminals send it as {key_name(same)}")
    return "+".join((*sorted(set(modifiers)), _CHARACTERS.get(key, key)))


def _is_character(key: str) -> bool:
    """Return True for a character with a key of its own: a letter, a digit, or one of the table."""
    return len(key) == 1 and key.isascii() and (key.isalnum() or key in _CHARACTERS)


def key_name(key: str) -> str:
    """Return the key as people write it: `Shift+Tab`."""
    return "+".join(
        _SHOWN.get(part, _SHOWN_CHARACTERS.get(part, part.title())) for part in _parts(key)
    )


def _parts(written: str) -> list[str]:
    """Split `Ctrl-X` or `ctrl+x` at the signs. The last part may be a sign itself."""
    parts = re.split(r"[+-](?=.)", written)
    return list(map(str.strip, parts))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    close = " or ".join(near(name, known, {}))
    suggestion = f"; did you mean {close}?" if close else ""
    return f"there is no key “{name}”{suggestion}"
