"""Finds headers and commands in pasted texts: nobody typed them, so they must not act."""

from __future__ import annotations

from modechat.commands.slash import read_slash
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers

ANY_STATE = ModeState(Mode.INSTRUCT)
"""Every header that has a meaning in any mode has one in instruct mode."""


def would_act(text: str) -> bool:
    """Return True if a pasted text of several lines has a header or a command in it.

    A single line counts as typed.
    """
    if "\n" not in text.strip("\n"):
        return False
    return bool(headers(text, ANY_STATE)) or read_slash(text) is not None
