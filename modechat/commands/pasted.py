"""Headers and commands in pasted texts: nobody typed them, so they must not act."""

from __future__ import annotations

from modechat.commands.slash import read_slash
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers

ANY_STATE = ModeState(Mode.INSTRUCT)
"""In instruct mode every header has a meaning that has one in some mode."""


def would_act(text: str) -> bool:
    """True if several lines that were pasted have a header or a command in them.

    A single line is as good as typed.
    """
    if "\n" not in text.strip("\n"):
        return False
    return bool(headers(text, ANY_STATE)) or read_slash(text) is not None
