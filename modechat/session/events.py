"""The events that a session sends to its front end.

They are values; the front end keeps no other copy of the state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from modechat.domain.conversation import ContextCut, Conversation, ModeChange, Turn
from modechat.domain.mode import ModeState
from modechat.session.phase import Phase

if TYPE_CHECKING:  # the first frame does not need pydantic
    from modechat.engine.protocol import Adapter, ModelInfo
    from modechat.errors import ModechatError


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    phase: Phase


@dataclass(frozen=True, slots=True)
class ModelLoading:
    fraction: float
    """From 0 to 1."""


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
    """The user's wish about thinking changed; None: as the model's template has it."""

    wanted: bool | None


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """Another conversation is open and must be shown; None: a new one, not saved yet."""

    conversation: Conversation | None
    is_replacement: bool = False
    """True if the conversation that was open is deleted."""


@dataclass(frozen=True, slots=True)
class ModeChanged:
    state: ModeState


@dataclass(frozen=True, slots=True)
class ModeChangeAdded:
    """The user typed a header: it is on the timeline, with the program's notice."""

    change: ModeChange


@dataclass(frozen=True, slots=True)
class TurnAdded:
    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnReplaced:
    """A variant replaced the turn `old_id` and the turns after it."""

    old_id: int
    turn: Turn


@dataclass(frozen=True, slots=True)
class TurnChosen:
    """The user picked a turn of the visible branch in a search: scroll to it."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class BranchChanged:
    """Other turns of the conversation are visible: one was deleted, or a variant was chosen."""

    conversation: Conversation
    turn_id: int | None = None
    """The variant that was chosen, if any, with its number (from 1) and the count of variants."""
    number: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class TurnChanged:
    """Something other than the growing text of the turn changed."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class PromptEvaluated:
    turn_id: int
    fraction: float
    """The share of the tokens to evaluate that is done, 0 to 1."""
    prompt_tokens: int = 0
    """The tokens of the whole prompt."""


@dataclass(frozen=True, slots=True)
class ReplyGrew:
    turn_id: int
    text: str
    """Only the new text."""
    is_thinking: bool = False
    """True if it is the thinking of a reasoning model, not its answer."""
    completion_tokens: int = 0
    """The tokens of the reply so far, thinking included."""


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    turn: Turn


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem that the user should read about."""

    title: str
    hint: str = ""
    details: tuple[str, ...] = ()
    """Log lines, oldest first."""

    @classmethod
    def of(cls, error: ModechatError) -> Trouble:
        return cls(error.title, error.hint)


@dataclass(frozen=True, slots=True)
class ContextMoved:
    """The context begins elsewhere: messages have left it, or a summary replaced them."""

    cut: ContextCut
    n_left_out: int
    """Messages that have left so far."""


@dataclass(frozen=True, slots=True)
class CompactionChanged:
    """The model began or ended summarising the turns that leave the context."""

    is_running: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """A fact worth knowing that the user did not ask for."""

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
