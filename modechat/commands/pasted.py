"""Whether something would act in a text that was pasted, though nobody typed it."""

from __future__ import annotations

from modechat.commands.slash import read_slash
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import headers

ANY_STATE = ModeState(Mode.INSTRUCT)
"""In instruct mode every header has a meaning that has one anywhere."""


def would_act(text: str) -> bool:
    """Whether a header or a command is in several lines that were pasted. A single line is as good as typed."""
    if "\n" not in text.strip("\n"):
        return False
    return bool(headers(text, ANY_STATE)) or read_slash(text) is not None
