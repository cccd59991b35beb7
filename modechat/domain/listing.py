"""Values for lists of conversations: a line for each, the words found in it, its last turns."""

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
    """The beginning of the last reply, or else of the last message, in one line safe to show."""
    instruct_count: int = 0
    """Turns of instruct mode among them."""


@dataclass(frozen=True, slots=True)
class Found:
    """A conversation that contains the words of a search."""

    conversation_id: int
    turn_id: int
    """The newest turn with the words, on any branch."""
    excerpt: str
    """Some text of that turn around the first word, in one line safe to show."""


@dataclass(frozen=True, slots=True)
class TurnExcerpt:
    """The beginnings of a message and its reply."""

    mode: Mode
    said: str
    answered: str
