"""What a session asks the engine for: the same for every front end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from modechat.domain.context import in_effect, n_left_out
from modechat.domain.conversation import ContextCut, Turn, chat_messages
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Adapter, ChatPrompt, Generate, InstructPrompt, Load
from modechat.errors import ConfigError, ModelError
from modechat.models.catalog import Looking, ModelFile
from modechat.prompting.tasks import NamedTask


def _no_other_model(_name: str) -> SessionSettings:
    raise ModelError("The model cannot be changed here", "Start modechat with --model PATH.")


def _no_adapter(_name: str) -> Adapter:
    raise ModelError("Adapters cannot be changed here", "Start modechat with a model of your own.")


def _no_models(_cancelled: Callable[[], bool]) -> Iterator[ModelFile | Looking]:
    return iter(())


def _no_config(_options: Mapping[str, object]) -> SessionSettings:
    raise ConfigError("Defaults cannot be changed here", "Start modechat with a model of your own.")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings that reach the engine. System texts are empty where the user set none."""

    load: Load
    sampling: Sampling
    has_model: bool = True
    """Whether a model is chosen; else `load` names none yet."""
    check_model: Callable[[], object] = lambda: None
    """Looks at the model file before the engine does, for better words; raises ModelError."""
    chat_system: str = ""
    instruct_system: str = ""
    tasks: tuple[NamedTask, ...] = ()
    """The named tasks."""
    thinking: bool | None = None
    """Whether a reasoning model thinks, where one can choose; None: as its template has it."""

    remember_format: Callable[[str | None], object] = lambda _name: None
    """Keeps the user's choice of format for the model; raises StoreError."""
    forget_kept: Callable[[str], object] = lambda _label: None
    """Removes what is kept on disk of the evaluated chat with this label; raises StoreError."""
    unload_after: float | None = None
    """Seconds without a request after which the model's memory is given back; None: never."""
    for_model: Callable[[str], SessionSettings] = field(default=_no_other_model, repr=False)
    """The settings for another model file, named as users name files; raises ModelError."""
    adapter_named: Callable[[str], Adapter] = field(default=_no_adapter, repr=False)
    """A LoRA adapter, named as users name files, with its scale; raises ModelError."""
    sampling_sources: tuple[tuple[str, Sampling], ...] = ()
    """Where `sampling` comes from: what each source says, the one that counts most first."""
    find_models: Callable[[Callable[[], bool]], Iterator[ModelFile | Looking]] = field(
        default=_no_models, repr=False
    )
    """The models on this machine, one after the other, until the function that is given says that it is enough."""
    remember_model: Callable[[], object] = field(default=lambda: None, repr=False)
    """Keeps in mind that the model was used."""
    keep_defaults: Callable[[Mapping[str, object]], SessionSettings] = field(
        default=_no_config, repr=False
    )
    """Writes options into the config file (None takes one out) and gives the settings that follow from it.

    Raises ConfigError.
    """

    def task(self, name: str) -> NamedTask | None:
        return next((task for task in self.tasks if task.name == name), None)


@dataclass(frozen=True, slots=True)
class SoFar:
    """What a reply says already, for the model to go on with; `typed` characters of it are the user's prefill."""

    text: str
    typed: int


def prompt_of(
    request: ChatMessage | Task,
    history: tuple[Turn, ...],
    settings: SessionSettings,
    so_far: SoFar | None = None,
    cut: ContextCut | None = None,
) -> ChatPrompt | InstructPrompt:
    """What the engine makes a prompt of, for one turn after `history`. `cut` says where the context begins."""
    match request:
        case ChatMessage(text=text):
            cut = in_effect(cut, history)
            return ChatPrompt(
                messages=chat_messages(history, text, _with_summary(settings.chat_system, cut)),
                prefill=so_far.text if so_far else "",
                n_left_out=n_left_out(cut, history),
            )
        case Task() as task:
            named = settings.task(task.name)
            return InstructPrompt(
                instruction=task.instruction,
                input=task.input,
                prefill=so_far.text if so_far else task.prefill,
                typed=so_far.typed if so_far else None,
                system=settings.instruct_system,
                examples=named.worked_examples(task.instruction) if named else (),
                context_first=named.context_first if named else False,
            )


def _with_summary(system: str, cut: ContextCut | None) -> str:
    """The system text of a chat whose oldest turns have been summarised."""
    if cut is None or not cut.summary:
        return system
    return f"{system}\n\nSummary of the conversation so far:\n{cut.summary}".strip()


def label_of(conversation_id: int, started_at: datetime) -> str:
    """The name under which the evaluated chat is kept on disk: no conversation of another database has it."""
    return f"{conversation_id} {started_at.isoformat()}"


def clock_text(clock: datetime) -> str:
    """A clock as templates with dates get it."""
    return clock.astimezone().isoformat(timespec="seconds")


def generate_request(
    request_id: int,
    request: ChatMessage | Task,
    history: tuple[Turn, ...],
    settings: SessionSettings,
    clock: datetime,
    so_far: SoFar | None = None,
    cut: ContextCut | None = None,
    label: str = "",
) -> Generate:
    """The engine's request for one turn after `history`. `clock` is what templates with dates see.

    `label` names the conversation if its evaluated chat may be kept on disk.
    """
    named = settings.task(request.name) if isinstance(request, Task) else None
    return Generate(
        id=request_id,
        prompt=prompt_of(request, history, settings, so_far, cut),
        sampling=named.sampling.over(settings.sampling) if named else settings.sampling,
        now=clock_text(clock),
        thinking=settings.thinking,
        schema_text=named.schema_text if named else None,
        grammar=named.grammar if named else None,
        conversation=label if isinstance(request, ChatMessage) else "",
    )
