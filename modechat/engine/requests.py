"""A front end's requests. Import these from `protocol`, where all messages are together."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from modechat.domain.conversation import Message
from modechat.domain.kv_types import KVType
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.prompting.formats import NamedFormat


class Frozen(BaseModel):
    """The base of all messages. Validators are built when a message of the class first comes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )


class Adapter(Frozen):
    """A LoRA adapter: a small file that changes how a model behaves."""

    path: str
    scale: float = 1.0
    """How strongly it is applied; 0: not at all."""
    mode: Literal["chat", "instruct"] | None = None
    """The mode it is for; None: both."""


CPUExtras: TypeAlias = Literal["auto", "on", "off"]
"""Use llama.cpp's extra buffer types of the CPU: repacked weights, kernels for AMX and the like."""


class Load(Frozen):
    """Load a model; answered by LoadProgress events, then Loaded or Failed."""

    type: Literal["load"] = "load"
    number: int = 0
    """Chosen by the sender, given back in every event about this load."""
    model_path: str
    n_ctx: int | None = None
    """Context length in tokens; None: the engine chooses."""
    n_ctx_needed: int | None = None
    """Tokens that the requests may need: if the engine chooses the length, it chooses no more."""
    n_gpu_layers: int | None = None
    """Layers on the GPU, the output layer counted as one; None: as many as fit."""
    n_threads: int | None = None
    """Threads that compute; None: as many as help, adapted while the model runs."""
    devices: tuple[str, ...] = ()
    """The devices to offload to, as llama.cpp names them; empty: the engine chooses; `none`: none.
    """
    kv_type: KVType = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    mmap: bool = True
    """Map the file into memory, instead of reading it into memory."""
    mlock: bool = False
    """Have the system keep the model in memory."""
    cpu_extras: CPUExtras = "auto"
    """Put weights into the CPU's extra buffers, whose kernels use instructions such as AMX.

    `auto`: unless llama.cpp crashed with them here.
    """
    adapters: tuple[Adapter, ...] = ()
    draft_path: str | None = None
    """A small model with the same vocabulary that guesses what comes, for the big one to check."""
    speculate: Literal[True, False, "always"] = True
    """Guess tokens and check several at once.

    `True`: at temperature 0 and with a seed only where that changes no bit of any result; `always`:
    there, too, where llama.cpp may round in another way.
    """
    state_folder: str | None = None
    """Where evaluated conversations are saved on disk; None: nowhere."""
    state_bytes: int = 2 << 30
    """How much disk they may take."""
    formats: tuple[NamedFormat, ...]
    """The named formats: those that ship with modechat and the user's own."""
    overridden: tuple[NamedFormat, ...] = ()
    """Shipped formats that a file of the user replaces: they are used if that one fails."""
    format: str | None = None
    """The one to use, or `chat-template` for the model's own; None: what fits the model."""
    vocabulary_only: bool = False
    """Load no weights: enough to inspect prompts."""


class UseFormat(Frozen):
    """Change the prompt format of the loaded model; answered by FormatChanged."""

    type: Literal["use_format"] = "use_format"
    format: str | None
    """As in Load."""


class UseAdapters(Frozen):
    """Apply these LoRA adapters from now on; answered by AdaptersChanged."""

    type: Literal["use_adapters"] = "use_adapters"
    adapters: tuple[Adapter, ...]


class ChatPrompt(Frozen):
    """The chat lane: the model sees `messages`, the last one the user's."""

    mode: Literal["chat"] = "chat"
    messages: tuple[Message, ...]
    prefill: str = ""
    """The start of the reply, which the model continues."""
    n_left_out: int = 0
    """How many messages have left the context before. System text and pinned ones never leave."""


class InstructPrompt(Frozen):
    """The instruct lane: one task without history."""

    mode: Literal["instruct"] = "instruct"
    instruction: str
    input: str = ""
    prefill: str = ""
    """The start of the reply, which the model continues."""
    typed: int | None = None
    """How many characters of the prefill the user wrote, where the model wrote the rest; None: all.
    """
    system: str = ""
    examples: tuple[Example, ...] = ()
    """Worked examples, shown before the task."""
    context_first: bool = False
    """Where a task is one user turn: the input, then the instruction as a question about it."""


Prompt: TypeAlias = Annotated[ChatPrompt | InstructPrompt, Field(discriminator="mode")]


class Generate(Frozen):
    """Answer a prompt; answered by PromptProgress and Delta events, then Finished or Failed."""

    type: Literal["generate"] = "generate"
    id: int
    """Chosen by the sender, given back in every event of this request."""
    prompt: Prompt
    sampling: Sampling = Sampling()
    now: str | None = None
    """The clock for templates with dates, an ISO time."""
    thinking: bool | None = None
    """Have a reasoning model think or not, if its template has a switch; None: its default."""
    schema_text: str | None = None
    """A JSON schema; the answer is JSON that fits it."""
    grammar: str | None = None
    """A grammar in GBNF that the answer obeys; not together with a schema."""
    speculate: bool = True
    """Allow guessed tokens, where Load.speculate allows them."""
    conversation: str = ""
    """The name under which the evaluated chat may be saved on disk; empty: it is not saved."""
    format: str | None = None
    """Write this prompt in another format; None: in the one that is in use."""
    seconds_between_deltas: Annotated[float, Field(ge=0)] = 0.05
    """At least.

    Each delta takes a core from the threads that evaluate for a moment, here and in the front end.
    """


class Inspect(Frozen):
    """Make a prompt, but no reply; answered by Inspected, after the requests before it."""

    type: Literal["inspect"] = "inspect"
    id: int
    """Chosen by the sender, apart from the ids of Generate."""
    prompt: Prompt
    now: str | None = None
    thinking: bool | None = None
    format: str | None = None
    """Make it in this format; None: in the one that is in use."""


class Stop(Frozen):
    """Stop the request `id`; it answers with Finished, or Cancelled.

    Without effect if it is done.
    """

    type: Literal["stop"] = "stop"
    id: int


class SaveLanes(Frozen):
    """The user leaves the conversation: save what was evaluated of it, if a folder was given.

    No answer.
    """

    type: Literal["save_lanes"] = "save_lanes"


class MeasureRaw(Frozen):
    """Run llama.cpp's own loop for so many tokens; answered by RawMeasured or Failed.

    Empties the KV cache.
    """

    type: Literal["measure_raw"] = "measure_raw"
    prompt: Prompt
    n_generate: Annotated[int, Field(ge=2)]


class Shutdown(Frozen):
    """Free the model and exit."""

    type: Literal["shutdown"] = "shutdown"


Request: TypeAlias = Annotated[
    Load | UseFormat | UseAdapters | Generate | Inspect | Stop | SaveLanes | MeasureRaw | Shutdown,
    Field(discriminator="type"),
]
