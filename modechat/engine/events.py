"""Defines an engine's events. Import them from `protocol`, where all messages are together."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.placement import Placement
from modechat.engine.death import Death
from modechat.engine.prompt_view import PromptView
from modechat.engine.requests import Adapter, Frozen
from modechat.errors import ContextError, EngineError, ModechatError, ModelError, UsageError
from modechat.prompting.formats import FormatSource
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.thinking import ThinkingSwitch


class LoadProgress(Frozen):
    """A report that loading goes on."""

    type: Literal["load_progress"] = "load_progress"
    load: int = 0
    """The number of the Load."""
    fraction: float
    """The part that is loaded, 0 to 1."""


class ModelInfo(Frozen):
    """A description of the loaded model, for front ends to show."""

    name: str
    """The file's name without its ending, which users know.

    Names inside files are often wrong.
    """
    path: str
    architecture: str
    description: str
    """llama.cpp's own: architecture, size, quantization."""
    size_bytes: int
    n_ctx: int
    n_ctx_train: int
    placement: Placement
    """The placement of its layers, by llama.cpp's own report."""
    format: str
    format_source: FormatSource
    system_fallback: str = AS_IS
    """The fallback that a system text needs with this format (`modechat.prompting.fallbacks`)."""
    sees_history: bool = True
    """False if chat turns reach the model without the turns before them."""
    thinking: ThinkingSwitch = ThinkingSwitch.NONE
    has_template: bool = True
    """True if the model's file has a chat template, in use or not."""
    notes: tuple[str, ...] = ()
    """Notes for the user on the choice of format, context and device."""


class Loaded(Frozen):
    """The model is loaded."""

    type: Literal["loaded"] = "loaded"
    load: int = 0
    """The number of the Load."""
    model: ModelInfo
    seconds_load: float


class FormatChanged(Frozen):
    """The answer to UseFormat."""

    type: Literal["format_changed"] = "format_changed"
    model: ModelInfo


class AdaptersChanged(Frozen):
    """The answer to UseAdapters: the adapters that are applied now, and why a change failed."""

    type: Literal["adapters_changed"] = "adapters_changed"
    adapters: tuple[Adapter, ...]
    error: str = ""
    hint: str = ""


class Inspected(Frozen):
    """The answer to Inspect: a prompt, or why there is none."""

    type: Literal["inspected"] = "inspected"
    id: int
    prompt: PromptView | None = None
    error: str = ""
    is_too_long: bool = False
    """True if the error is that the prompt is far longer than the context."""


class PromptProgress(Frozen):
    """The prompt is being evaluated.

    `evaluated` counts from `reused`, tokens that were still in the KV cache.
    """

    type: Literal["prompt_progress"] = "prompt_progress"
    id: int
    evaluated: int
    reused: int
    total: int

    @property
    def fraction(self) -> float:
        """The share of the new tokens that is evaluated; 1 if none is new."""
        new = self.total - self.reused
        return (self.evaluated - self.reused) / new if new else 1.0


class Shortened(Frozen):
    """A report that older messages have left the full context, for this and later requests."""

    type: Literal["shortened"] = "shortened"
    id: int
    n_left_out: int
    """The messages that have left so far, as in ChatPrompt."""


class RawMeasured(Frozen):
    """The times of llama.cpp's own loop: for the prompt with the first token, and for the
    others.
    """

    type: Literal["raw_measured"] = "raw_measured"
    prompt_tokens: int
    seconds_prompt: float
    generated_tokens: int
    seconds_generation: float


class Heartbeat(Frozen):
    """A sign that the worker is alive, sent every second while it works on a request."""

    type: Literal["heartbeat"] = "heartbeat"
    progress: int
    """A count that grows as long as the computation goes on."""


class Delta(Frozen):
    """More text of the reply.

    All deltas of a request, joined, are the stripped reply with its prefill. Deltas of the thinking
    count apart.
    """

    type: Literal["delta"] = "delta"
    id: int
    text: str
    is_thinking: bool = False
    completion_tokens: int


class Finished(Frozen):
    """The reply is complete."""

    type: Literal["finished"] = "finished"
    id: int
    stop_reason: StopReason
    stats: ReplyStats


class Cancelled(Frozen):
    """A request was stopped before its turn came; those before it may still be worked on."""

    type: Literal["cancelled"] = "cancelled"
    id: int


class Recovered(Frozen):
    """A report that the engine died, and was started again in a way that works.

    Open requests are asked again.
    """

    type: Literal["recovered"] = "recovered"
    text: str
    """The change, in a sentence or two for the user."""


class Cause(StrEnum):
    """The cause of a failure, if the front end can offer something for it."""

    OTHER = "other"
    MEMORY = "memory"
    """There is too little memory: a smaller load may help."""
    ADAPTER = "adapter"
    """A LoRA adapter cannot be read or applied: loading without adapters may help."""
    BUILD = "build"
    """Nothing helps but another build of llama.cpp; the hint says which."""
    VERSION = "version"
    """modechat was updated while it ran: nothing helps but starting it again."""


class Failed(Frozen):
    """A request failed; the engine goes on unless `died`."""

    type: Literal["failed"] = "failed"
    id: int | None
    """The id of the reply that failed.

    None: another request failed, or the engine died while no reply was written.
    """
    load: int | None = None
    """The number of the Load that failed, if it was one."""
    kind: Literal["model", "engine", "context", "request"]
    cause: Cause = Cause.OTHER
    title: str
    hint: str = ""
    log_tail: tuple[str, ...] = ()
    """The engine's last log lines, oldest first."""
    died: bool = False
    """True if the engine is gone, and every request with it."""
    death: Death | None = None
    """The kind of its death; None: it did not die, or nobody knows."""

    def as_error(self) -> ModechatError:
        """Return the failure as an exception to raise."""
        errors: dict[str, type[ModechatError]] = {
            "model": ModelError,
            "engine": EngineError,
            "context": ContextError,
            "request": UsageError,
        }
        return errors[self.kind](self.title, self.hint)


Event: TypeAlias = Annotated[
    LoadProgress
    | Loaded
    | FormatChanged
    | AdaptersChanged
    | Inspected
    | RawMeasured
    | PromptProgress
    | Shortened
    | Heartbeat
    | Delta
    | Finished
    | Cancelled
    | Recovered
    | Failed,
    Field(discriminator="type"),
]
