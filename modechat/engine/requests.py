"""Defines a front end's requests. Import them from `protocol`, where all messages are together."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from modechat.domain.conversation import Message
from modechat.domain.kv_types import KVType
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example
from modechat.prompting.formats import NamedFormat


class Frozen(BaseModel):
    """The base of all messages. Validators are built when the first message of a class comes."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", protected_namespaces=(), defer_build=True
    )


class Adapter(Frozen):
    """A LoRA adapter: a small file that changes how a model behaves."""

    path: str
    scale: float = 1.0
    """The strength of the adapter; 0: it is not applied."""
    mode: Literal["chat", "instruct"] | None = None
    """The mode that the adapter is for; None: both."""


CPUExtras: TypeAlias = Literal["auto", "on", "off"]
"""The use of the CPU's extra buffer types: repacked weights, kernels for AMX and the like."""


class Load(Frozen):
    """Load a model; answered by LoadProgress events, then Loaded or Failed."""

    type: Literal["load"] = "load"
    number: int = 0
    """The number that the sender chose; every event about this load has it."""
    model_path: str
    n_ctx: int | None = None
    """Context length in tokens; None: the engine chooses."""
    n_ctx_needed: int | None = None
    """Tokens that the requests may need; if the engine chooses the length, it is at most this."""
    n_gpu_layers: int | None = None
    """Layers on the GPU, the output layer counted as one; None: as many as fit."""
    n_threads: int | None = None
    """Threads that compute; None: as many as help, adapted while the model runs."""
    devices: tuple[str, ...] = ()
    """The devices to offload to, as llama.cpp names them.

    Empty: the engine chooses; `none`: none.
    """
    kv_type: KVType = "f16"
    flash_attention: Literal["auto", "on", "off"] = "auto"
    mmap: bool = True
    """True to map the file into memory, instead of reading it into memory."""
    mlock: bool = False
    """True to have the system keep the model in memory."""
    cpu_extras: CPUExtras = "auto"
    """The use of the CPU's extra buffers for weights; their kernels use instructions such as AMX.

    `auto`: use them unless llama.cpp crashed with them here.
    """
    adapters: tuple[Adapter, ...] = ()
    draft_path: str | None = None
    """A small model with the same vocabulary that guesses tokens for the big one to check."""
    speculate: Literal[True, False, "always"] = True
    """The use of guessed tokens, which are checked together.

    `True`: only where neither temperature 0 nor a seed is set, because llama.cpp may round in
    another way; `always`: there, too.
    """
    state_folder: str | None = None
    """The folder for evaluated conversations; None: they are not saved."""
    state_bytes: int = 2 << 30
    """Bytes of disk that they may take."""
    formats: tuple[NamedFormat, ...]
    """The named formats: those that ship with modechat and the user's own."""
    overridden: tuple[NamedFormat, ...] = ()
    """Shipped formats that a file of the user replaces; they are used if that file fails."""
    format: str | None = None
    """The format to use, `chat-template` for the model's own; None: the one that fits the model."""
    vocabulary_only: bool = False
    """True to load no weights: enough to inspect prompts."""


class UseFormat(Frozen):
    """Change the prompt format of the loaded model; answered by FormatChanged."""

    type: Literal["use_format"] = "use_format"
    format: str | None
    """The format, as in Load."""


class UseAdapters(Frozen):
    """Apply these LoRA adapters from now on; answered by AdaptersChanged."""

    type: Literal["use_adapters"] = "use_adapters"
    adapters: tuple[Adapter, ...]


class ChatPrompt(Frozen):
    """A prompt for the chat lane: the model sees `messages`, the last of them the user's."""

    mode: Literal["chat"] = "chat"
    messages: tuple[Message, ...]
    prefill: str = ""
    """The start of the reply, which the model continues."""
    n_left_out: int = 0
    """The number of messages that have left the context so far.

    System texts and pinned messages never leave.
    """


class InstructPrompt(Frozen):
    """A prompt for the instruct lane: one task without history."""

    mode: Literal["instruct"] = "instruct"
    instruction: str
    input: str = ""
    prefill: str = ""
    """The start of the reply, which the model continues."""
    typed: int | None = None
    """The number of characters of the prefill that the user wrote; the model wrote the rest.

    None: the user wrote all.
    """
    system: str = ""
    examples: tuple[Example, ...] = ()
    """Worked examples, shown before the task."""
    context_first: bool = False
    """True to put the input before the instruction, now a question, if a task is one user turn."""


Prompt: TypeAlias = Annotated[ChatPrompt | InstructPrompt, Field(discriminator="mode")]


class Generate(Frozen):
    """Answer a prompt; answered by PromptProgress and Delta events, then Finished or Failed."""

    type: Literal["generate"] = "generate"
    id: int
    """The number that the sender chose; every event of this request has it."""
    prompt: Prompt
    sampling: Sampling = Sampling()
    now: str | None = None
    """The time for templates with dates, an ISO time."""
    thinking: bool | None = None
    """True to make a reasoning model think, False not, if its template can; None: its default."""
    schema_text: str | None = None
    """The JSON schema that the answer must fit."""
    grammar: str | None = None
    """The grammar in GBNF that the answer must obey; not together with a schema."""
    grammar_file: str = ""
    """The file of the grammar, for messages about it; empty: there is none."""
    speculate: bool = True
    """True to allow guessed tokens, where `Load.speculate` allows them."""
    conversation: str = ""
    """The name under which the evaluated chat may be saved on disk; empty: it is not saved."""
    format: str | None = None
    """The format for this prompt; None: the one in use."""
    seconds_between_deltas: Annotated[float, Field(ge=0)] = 0.05
    """The least number of seconds between two deltas.

    Each delta takes a core for a moment from the threads that evaluate, here and in the front end.
    """

    @property
    def is_constrained(self) -> bool:
        """True if the reply must fit a schema or a grammar."""
        return self.schema_text is not None or self.grammar is not None


class Inspect(Frozen):
    """Make a prompt, but no reply; answered by Inspected, after the requests before it."""

    type: Literal["inspect"] = "inspect"
    id: int
    """The number that the sender chose; ids of Generate are numbered apart."""
    prompt: Prompt
    now: str | None = None
    thinking: bool | None = None
    format: str | None = None
    """The format for this prompt; None: the one in use."""


class Stop(Frozen):
    """Stop the request `id`, which then answers with Finished or Cancelled.

    Has no effect if the request is done.
    """

    type: Literal["stop"] = "stop"
    id: int


class SaveLanes(Frozen):
    """Save the evaluated conversation, because the user leaves it, if a folder was given.

    Has no answer.
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
