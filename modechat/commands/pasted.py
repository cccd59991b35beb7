"""Finds headers and commands in pasted texts: nobody typed them, so they must not act."""

from __future__ import annotations

from modechat.commands.slash import read_slash
from modechat.domain.mode import INSTRUCT
from modechat.domain.modes import headers


def would_act(text: str) -> bool:
    """Return True if a pasted text of several lines has a header or a command in it.

    A single line counts as typed.
    """
    if "\n" not in text.strip("\n"):
        return False
    return bool(headers(text, INSTRUCT)) or read_slash(text) is not None
