"""The messages between a front end and an engine, and the interface of an engine.

Requests in, events out; `wire` puts them on a pipe. `seconds_` are wall-clock seconds, counts are tokens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal, Protocol, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from modechat.domain.conversation import Message, ReplyStats, StopReason
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.engine.death import Death
from modechat.engine.prompt_view import PromptView
from modechat.errors import ContextError, EngineError, ModechatError, ModelError, UsageError
from modechat.prompting.formats import FormatSource, NamedFormat
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.thinking import ThinkingSwitch


class _Frozen(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )


class Adapter(_Frozen):
    """A LoRA adapter: a small file that changes how a model behaves."""

    path: str
    scale: float = 1.0
    """How strongly it is applied; 0: not at all."""
    mode: Literal["chat", "instruct"] | None = None
    """The mode it is for; None: both."""


KVType: TypeAlias = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"]
"""How the KV cache stores its values: fewer bits take less memory and cost precision."""

CPUExtras: TypeAlias = Literal["auto", "on", "off"]
"""llama.cpp's extra buffer types of the CPU: repacked weights, and kernels for AMX, KleidiAI and the like."""


class Load(_Frozen):
    """Load a model; answered by LoadProgress events, then Loaded or Failed."""

    type: Literal["load"] = "load"
    model_path: str
    n_ctx: int | None = None
    """Context length in tokens; None: the engine chooses."""
    n_ctx_needed: int | None = None
    """Tokens that what will be asked may need: where the engine chooses the length, it chooses none that is longer."""
    n_gpu_layers: int | None = None
    """Layers on the GPU, the output layer counted as one; None: as many as fit."""
    n_threads: int | None = None
    """Threads that compute; None: as many as help, adapted while the model runs."""
    devices: tuple[str, ...] = ()
    """The devices to offload to, as llama.cpp names them; empty: the engine chooses; `none`: none."""
    kv_type: KVType = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    mmap: bool = True
    """Whether the file is mapped into memory, instead of read into it."""
    mlock: bool = False
    """Whether the system must keep the model in memory."""
    cpu_extras: CPUExtras = "auto"
    """Whether weights may lie in the CPU's extra buffers, whose kernels use instructions such as AMX: `auto`: unless
    llama.cpp crashed with them here."""
    adapters: tuple[Adapter, ...] = ()
    draft_path: str | None = None
    """A small model with the same vocabulary that guesses what comes, for the big one to check."""
    speculate: Literal[True, False, "always"] = True
    """Whether tokens are guessed and checked several at once. `True`: at temperature 0 and with a seed only where that
    changes no bit of any result; `always`: there, too, where llama.cpp may round in another way."""
    state_folder: str | None = None
    """Where evaluated conversations are kept on disk; None: nowhere."""
    state_bytes: int = 2 << 30
    """How much disk they may take."""
    formats: tuple[NamedFormat, ...]
    """The named formats: those that ship with modechat and the user's own."""
    overridden: tuple[NamedFormat, ...] = ()
    """Shipped formats that a file of the user has the place of: they come back if it fails."""
    format: str | None = None
    """The one to use, or `chat-template` for the model's own; None: what fits the model."""
    vocabulary_only: bool = False
    """Load no weights: enough to inspect prompts."""


class UseFormat(_Frozen):
    """Change the prompt format of the loaded model; answered by FormatChanged."""

    type: Literal["use_format"] = "use_format"
    format: str | None
    """As in Load."""


class UseAdapters(_Frozen):
    """Apply these LoRA adapters from now on, without loading the model again; answered by AdaptersChanged."""

    type: Literal["use_adapters"] = "use_adapters"
    adapters: tuple[Adapter, ...]


class ChatPrompt(_Frozen):
    """The chat lane: the model sees `messages`, the last one the user's."""

    mode: Literal["chat"] = "chat"
    messages: tuple[Message, ...]
    prefill: str = ""
    """The start of the reply, which the model continues."""
    n_left_out: int = 0
    """How many messages, oldest first and without the system text and pinned ones, have left the context before."""


class InstructPrompt(_Frozen):
    """The instruct lane: one task without history."""

    mode: Literal["instruct"] = "instruct"
    instruction: str
    input: str = ""
    prefill: str = ""
    """The start of the reply, which the model continues."""
    typed: int | None = None
    """How many characters of the prefill are the user's, where the rest is the model's own; None: all."""
    system: str = ""
    examples: tuple[Example, ...] = ()
    """Worked examples, shown before the task."""
    context_first: bool = False
    """Where a task is one user turn: the input, then the instruction as a question about it."""


class Generate(_Frozen):
    """Answer a prompt; answered by PromptProgress and Delta events, then Finished or Failed."""

    type: Literal["generate"] = "generate"
    id: int
    """Chosen by the sender, given back in every event of this request."""
    prompt: Annotated[ChatPrompt | InstructPrompt, Field(discriminator="mode")]
    sampling: Sampling = Sampling()
    now: str | None = None
    """The clock for templates with dates, an ISO time."""
    thinking: bool | None = None
    """Whether a reasoning model thinks, where its template lets one choose; None: as the template has it."""
    schema_text: str | None = None
    """A JSON schema; the answer is JSON that fits it."""
    grammar: str | None = None
    """A grammar in GBNF that the answer obeys; not together with a schema."""
    speculate: bool = True
    """Whether tokens may be guessed, where Load.speculate allows it."""
    conversation: str = ""
    """A name for the conversation, under which its evaluated chat may be kept on disk; empty: it is not."""
    format: str | None = None
    """Write this prompt in another format; None: in the one that is in use."""
    seconds_between_deltas: Annotated[float, Field(ge=0)] = 0.05
    """At least. Each delta takes a core from the threads that evaluate for a moment, here and where it is read."""


class Inspect(_Frozen):
    """Make a prompt without answering it; answered by Inspected, after what runs."""

    type: Literal["inspect"] = "inspect"
    id: int
    """Chosen by the sender, apart from the ids of Generate."""
    prompt: Annotated[ChatPrompt | InstructPrompt, Field(discriminator="mode")]
    now: str | None = None
    thinking: bool | None = None
    format: str | None = None
    """Make it in this format; None: in the one that is in use."""


class Stop(_Frozen):
    """Stop the request `id`; it answers with Finished, or Cancelled. Without effect if it is done."""

    type: Literal["stop"] = "stop"
    id: int


class SaveLanes(_Frozen):
    """The conversation is left: keep what was evaluated of it on disk, if a folder was given. No answer."""

    type: Literal["save_lanes"] = "save_lanes"


class MeasureRaw(_Frozen):
    """Run llama.cpp's own loop, for so many tokens; answered by RawMeasured or Failed. Empties the KV cache."""

    type: Literal["measure_raw"] = "measure_raw"
    prompt: Annotated[ChatPrompt | InstructPrompt, Field(discriminator="mode")]
    n_generate: Annotated[int, Field(ge=2)]


class Shutdown(_Frozen):
    """Free the model and exit."""

    type: Literal["shutdown"] = "shutdown"


Request: TypeAlias = Annotated[
    Load | UseFormat | UseAdapters | Generate | Inspect | Stop | SaveLanes | MeasureRaw | Shutdown,
    Field(discriminator="type"),
]


class LoadProgress(_Frozen):
    type: Literal["load_progress"] = "load_progress"
    fraction: float
    """0 to 1."""


class ModelInfo(_Frozen):
    """What a front end shows about the loaded model."""

    name: str
    """The file's name without its ending: what users know it by. Names inside of files are often wrong."""
    path: str
    architecture: str
    description: str
    """llama.cpp's own: architecture, size, quantization."""
    size_bytes: int
    n_ctx: int
    n_ctx_train: int
    device: str
    """Where it really runs: `GPU 28/28 · 3.1 GiB` (layers and their memory), or `CPU` and, after a colon, why."""
    format: str
    format_source: FormatSource
    uses_gpu: bool = False
    """Whether any layer is on a GPU."""
    system_fallback: str = AS_IS
    """What a system text needs with this format: a fallback of `modechat.prompting.fallbacks`."""
    sees_history: bool = True
    """False: chat turns reach the model without those before them."""
    thinking: ThinkingSwitch = ThinkingSwitch.NONE
    has_template: bool = True
    """Whether the model's file has a chat template, in use or not."""
    notes: tuple[str, ...] = ()
    """What the user should know about the choice of format, context and device."""


class Loaded(_Frozen):
    type: Literal["loaded"] = "loaded"
    model: ModelInfo
    seconds_load: float


class FormatChanged(_Frozen):
    type: Literal["format_changed"] = "format_changed"
    model: ModelInfo


class AdaptersChanged(_Frozen):
    """The adapters that are applied from now on; if they could not be changed, those before, and why."""

    type: Literal["adapters_changed"] = "adapters_changed"
    adapters: tuple[Adapter, ...]
    error: str = ""
    hint: str = ""


class Inspected(_Frozen):
    """The answer to Inspect: a prompt, or why there is none."""

    type: Literal["inspected"] = "inspected"
    id: int
    prompt: PromptView | None = None
    error: str = ""
    is_too_long: bool = False
    """Whether the error is that it is far longer than the context."""


class PromptProgress(_Frozen):
    """The prompt is being evaluated. `evaluated` counts from `reused`, tokens that were still in the KV cache."""

    type: Literal["prompt_progress"] = "prompt_progress"
    id: int
    evaluated: int
    reused: int
    total: int


class Shortened(_Frozen):
    """The context is full: older messages have left it, for this request and for those that follow."""

    type: Literal["shortened"] = "shortened"
    id: int
    n_left_out: int
    """As in ChatPrompt: all that have left so far."""


class RawMeasured(_Frozen):
    """What llama.cpp's own loop took: for the prompt and the first token, and for those generated after it."""

    type: Literal["raw_measured"] = "raw_measured"
    prompt_tokens: int
    seconds_prompt: float
    generated_tokens: int
    seconds_generation: float


class Heartbeat(_Frozen):
    """The worker's process is alive; sent every second while it works on a request. For the client's watchdog."""

    type: Literal["heartbeat"] = "heartbeat"
    progress: int
    """Grows as long as the computation goes on."""


class Delta(_Frozen):
    """More text of the reply. All deltas of a request joined are the reply, stripped, prefill included; those of the
    thinking are apart from it."""

    type: Literal["delta"] = "delta"
    id: int
    text: str
    is_thinking: bool = False
    completion_tokens: int


class Finished(_Frozen):
    type: Literal["finished"] = "finished"
    id: int
    stop_reason: StopReason
    stats: ReplyStats


class Cancelled(_Frozen):
    """A request was stopped before its turn came; those before it may still be worked on."""

    type: Literal["cancelled"] = "cancelled"
    id: int


class Recovered(_Frozen):
    """The engine died, and was started again in a way in which it works. What it was asked is asked again."""

    type: Literal["recovered"] = "recovered"
    text: str
    """What changed, for the user: a sentence or two."""


class Failed(_Frozen):
    """A request failed; the engine goes on unless `died`."""

    type: Literal["failed"] = "failed"
    id: int | None
    """The request; None: it was the loading, or the engine died while nothing ran."""
    kind: Literal["model", "engine", "context", "request"]
    title: str
    hint: str = ""
    log_tail: tuple[str, ...] = ()
    """The engine's last log lines, oldest first."""
    died: bool = False
    """The engine is gone, and everything with it that was asked of it."""
    death: Death | None = None
    """How it died, if it did and that is known."""
    needs_other_build: bool = False
    """Nothing helps but another build of llama.cpp: `hint` says which. A load with less memory would end likewise."""

    def as_error(self) -> ModechatError:
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


class Engine(Protocol):
    """What turns requests into events: the worker process, or the scripted engine."""

    def start(self) -> None:
        """Start it, or start it again after it died. Returns at once; what follows comes as events."""

    def send(self, request: Request) -> None:
        """Hand over a request. Never blocks. An engine that died or was closed takes nothing."""

    def events(self) -> AsyncIterator[Event]:
        """Events in order, until the engine is closed. One reader only."""

    async def close(self) -> None:
        """Shut it down and release everything."""
