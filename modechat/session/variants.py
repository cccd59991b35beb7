"""The values of a comparison: the question, its variants, and the stage of each variant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TypeAlias

from modechat.domain.conversation import Reply, as_mode
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Generate
from modechat.session.settings import SessionSettings

LEAST_VARIANTS, MOST_VARIANTS = 2, 4
LONGEST_REPLY = 1024
"""Tokens, if the user set no limit: in a wrong format a model may never end, while others wait."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question that all variants answer."""

    request: ChatMessage | Task
    typed: str
    """The text as the user wrote it."""
    in_place_of: int | None = None
    """The turn that a kept reply replaces; None: the reply becomes the next turn."""


@dataclass(frozen=True, slots=True)
class VariantSettings:
    """The settings of one variant; None: the same as for an ordinary turn."""

    format: str | None = None
    """The prompt format."""
    model: str | None = None
    """The path of another model file."""
    temperature: float | None = None
    seed: int | None = None
    system: str | None = None
    """The system text."""
    mode: Mode | None = None

    @property
    def sampling(self) -> Sampling:
        return Sampling(temperature=self.temperature, seed=self.seed)

    def request(self, question: Question) -> ChatMessage | Task:
        """Return the question in the variant's mode."""
        return question.request if self.mode is None else as_mode(question.request, self.mode)

    def over(self, settings: SessionSettings) -> SessionSettings:
        """Return `settings` with the variant's system text."""
        if self.system is None:
            return settings
        return replace(settings, chat_system=self.system, instruct_system=self.system)

    def applied_to(self, request: Generate) -> Generate:
        """Return the request with the variant's values, which override a named task's, too."""
        sampling = self.sampling.over(request.sampling)
        if sampling.max_tokens is None:
            sampling = sampling.model_copy(update={"max_tokens": LONGEST_REPLY})
        return request.model_copy(
            update={"sampling": sampling, "format": self.format, "conversation": ""}
        )


class Stage(Enum):
    """The stage of a variant; the stages follow in this order."""

    WAITING = "waiting"
    LOADING = "loading"
    """Its model is being loaded."""
    READING = "reading"
    """The engine has it and evaluates the prompt."""
    WRITING = "writing"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Variant:
    """One column. Its reply grows while it is written, and has its final state in the end."""

    settings: VariantSettings
    stage: Stage = Stage.WAITING
    fraction: float = 0.0
    """The share that is loaded or evaluated, 0 to 1."""
    reply: Reply = field(default_factory=Reply)
    n_tokens: int = 0
    """Tokens written so far."""
    seconds: float = 0.0
    """Seconds since the first text came."""

    @property
    def can_be_kept(self) -> bool:
        return self.stage is Stage.ENDED and bool(self.reply.text)


@dataclass(frozen=True, slots=True)
class VariantChanged:
    """Something other than the growing text of a variant changed.

    `index` is its place among the variants, from 0.
    """

    index: int
    variant: Variant


@dataclass(frozen=True, slots=True)
class VariantGrew:
    index: int
    variant: Variant
    text: str
    """Only the new text."""
    is_thinking: bool


@dataclass(frozen=True, slots=True)
class ComparisonDone:
    """No variant waits or runs any more."""


@dataclass(frozen=True, slots=True)
class ComparisonClosed:
    """The comparison is over; one reply was kept, or none."""


ComparisonEvent: TypeAlias = VariantChanged | VariantGrew | ComparisonDone | ComparisonClosed
Listener: TypeAlias = Callable[[ComparisonEvent], None]
