"""Marks keys in messages: a message names the action, and the front end fills in its key.

Users can give actions other keys, and the plain front end has commands in place of keys. So `key`
makes a mark for the message, and the front end replaces it with the current key, a command, or the
usual key. Other words in the message that look like keys stay as they are.

Marks consist of Unicode noncharacters. `sanitize` removes them from texts from outside, and no text
is stored with a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_BEGIN, _MIDDLE, _END = "\ufde1", "\ufde2", "\ufde3"
KEY_MARKS = _BEGIN + _MIDDLE + _END
_MARKED = re.compile(f"{_BEGIN}([a-z_]*){_MIDDLE}([^{KEY_MARKS}]*){_END}")


def key(action_id: str, usual: str) -> str:
    """Return the mark for the key of an action, to be put into a message.

    `usual` is the name of the action's default key: `Esc`.
    """
    return f"{_BEGIN}{action_id}{_MIDDLE}{usual}{_END}"


REGENERATE = key("regenerate", "Ctrl+R")


def with_keys(text: str, name_of: Callable[[str], str | None]) -> str:
    """Replace each mark in `text` with the result of `name_of`; None: with the usual key."""
    if _BEGIN not in text:
        return text

    def replacement(mark: re.Match[str]) -> str:
        name = name_of(mark[1])
        return mark[2] if name is None else name

    return _MARKED.sub(replacement, text)


def usual_keys(text: str) -> str:
    """Replace the marks in `text` with the usual keys, to store, print or log the text."""
    return with_keys(text, _keep_usual)


def _keep_usual(_action_id: str) -> None:
    return None
