"""Values for lists of conversations: a line for each, words found in it, its last turns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modechat.domain.mode import Mode


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """One conversation in a list."""

    id: int
    title: str
    updated_at: datetime
    turn_count: int
    """Turns on the visible timeline."""
    preview: str
    """The beginning of the last reply, else of the last message, in one line safe to show."""
    instruct_count: int = 0
    """Of the turns, those of instruct mode."""


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation in which the words were said."""

    conversation_id: int
    turn_id: int
    """The newest turn with them, on whatever branch."""
    excerpt: str
    """Some of its text around the first word, in one line safe to show."""


@dataclass(frozen=True, slots=True)
class TurnExcerpt:
    """The beginnings of a message and its reply."""

    mode: Mode
    said: str
    answered: str
