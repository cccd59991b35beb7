"""The two modes, and the mode of a conversation.

Apart from the parser of headers, which the first frame does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """How a turn reaches the model."""

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

    `standing` is an instruction for which every following message is an input.
    """

    mode: Mode = Mode.CHAT
    standing: str | None = None
    task: str = ""
    """The named task that the standing instruction came from, if any."""

    def toggled(self) -> ModeState:
        return ModeState(self.mode.other)
