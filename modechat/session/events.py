"""What a session tells its front end.

Values only; the front end keeps no other copy of the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from modechat.domain.conversation import ContextCut, Conversation, ModeChange, Turn
from modechat.domain.mode import ModeState
from modechat.session.phase import Phase

if TYPE_CHECKING:  # the first frame does without pydantic
    from modechat.engine.protocol import Adapter, ModelInfo


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    phase: Phase


@dataclass(frozen=True, slots=True)
class ModelLoading:
    fraction: float
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class ModelReady:
    model: ModelInfo


@dataclass(frozen=True, slots=True)
class FormatInUse:
    """The loaded model uses another prompt format."""

    model: ModelInfo


@dataclass(frozen=True, slots=True)
class AdaptersInUse:
    """The LoRA adapters that are applied to the model from now on."""

    adapters: tuple[Adapter, ...]


@dataclass(frozen=True, slots=True)
class ThinkingChanged:
    """Whether the model thinks before it answers; None: as its template has it."""

    wanted: bool | None


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """Show this conversation instead of what is shown; None: a new one, nothing is saved yet."""

    conversation: Conversation | None


@dataclass(frozen=True, slots=True)
class ModeChanged:
    state: ModeState


@dataclass(frozen=True, slots=True)
class ModeChangeAdded:
    """The user typed a header: the timeline has it, with the app's notice."""

    change: ModeChange


@dataclass(frozen=True, slots=True)
class TurnAdded:
    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnReplaced:
    """The turn `old_id` at the end, and what followed it, gave way to a variant."""

    old_id: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnChosen:
    """A turn of the visible branch was searched for: have it in view."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class BranchChanged:
    """Other turns of the same conversation are visible: a turn was deleted, or another variant was
    chosen.
    """

    conversation: Conversation
    turn_id: int | None = None
    """The variant that is shown now, if one was chosen, with its number (from 1) among them, and
    their count.
    """
    number: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class TurnChanged:
    """Something of the turn other than its growing text changed."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class PromptEvaluated:
    turn_id: int
    fraction: float
    """Of the tokens that had to be evaluated, 0 to 1."""
    prompt_tokens: int = 0
    """Of the whole prompt."""


@dataclass(frozen=True, slots=True)
class ReplyGrew:
    turn_id: int
    text: str
    """Only what is new."""
    is_thinking: bool = False
    """Whether it is what a reasoning model thinks, not its answer."""
    completion_tokens: int = 0
    """That the model has written of it so far, thinking included."""


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    turn: Turn


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong that the user should read."""

    title: str
    hint: str = ""
    details: tuple[str, ...] = ()
    """Log lines, oldest first."""


@dataclass(frozen=True, slots=True)
class ContextMoved:
    """The context begins elsewhere: messages have left it, or a summary took their place."""

    cut: ContextCut
    n_left_out: int
    """Messages that have left so far."""


@dataclass(frozen=True, slots=True)
class CompactionChanged:
    """The model summarises what leaves the context, or has ended that."""

    is_running: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Something worth knowing that the user did not ask for."""

    text: str


SessionEvent: TypeAlias = (
    PhaseChanged
    | ModelLoading
    | ModelReady
    | FormatInUse
    | AdaptersInUse
    | ThinkingChanged
    | ConversationOpened
    | ModeChanged
    | ModeChangeAdded
    | TurnAdded
    | TurnReplaced
    | TurnChosen
    | BranchChanged
    | TurnChanged
    | PromptEvaluated
    | ReplyGrew
    | ReplyEnded
    | Trouble
    | ContextMoved
    | CompactionChanged
    | Remark
)
