"""The two modes, and the mode of a conversation.

The parser of headers is in another module, because the first frame does not need it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """The way in which a turn reaches the model."""

    CHAT = "chat"
    """Many turns: the model sees the history."""
    INSTRUCT = "instruct"
    """Single shot: the model sees one instruction and its input, no history."""

    @property
    def other(self) -> Mode:
        return Mode.INSTRUCT if self is Mode.CHAT else Mode.CHAT


@dataclass(frozen=True, slots=True)
class ModeState:
    """The mode of a conversation.

    Every following message is an input for the instruction `standing`, if there is one.
    """

    mode: Mode = Mode.CHAT
    standing: str | None = None
    task: str = ""
    """The named task that gave the standing instruction, if any."""

    def toggled(self) -> ModeState:
        return ModeState(self.mode.other)


INSTRUCT = ModeState(Mode.INSTRUCT)
"""Every header that has a meaning in any mode has one in this state."""
