"""Makes the session's requests to the engine, the same for every front end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from modechat.domain.context import in_effect, n_left_out
from modechat.domain.conversation import ContextCut, Turn, chat_messages
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import Adapter, ChatPrompt, Generate, InstructPrompt, Load
from modechat.errors import ConfigError, ModelError
from modechat.models.catalog import Looking, ModelFile
from modechat.models.gguf import GGUFHeader
from modechat.prompting.tasks import NamedTask


class UserFiles(Protocol):
    """Reads and writes the user's files: a model, the config, adapters, and stored chats.

    The methods may block, so the session calls them in threads.
    """

    def check_model(self) -> GGUFHeader | None:
        """Check the model file before the engine does, whose messages are hard to understand.

        Return the header, or None if nothing was checked. Raises ModelError.
        """

    def find_models(self, cancelled: Callable[[], bool], /) -> Iterator[ModelFile | Looking]:
        """Yield the models on this machine as they are found, until `cancelled` returns True."""

    def settings_for(self, name: str, /) -> SessionSettings:
        """Return the settings for the model file `name`, which is written as users name files.

        Raises ModelError.
        """

    def read_adapter(self, text: str, /) -> Adapter:
        """Return the LoRA adapter that `text` (FILE or FILE:SCALE) names. Raises ModelError."""

    def remember_model(self) -> None:
        """Record that the model was used."""

    def remember_format(self, name: str | None, /) -> None:
        """Store the user's choice of format for the model. Raises StoreError."""

    def write_defaults(self, options: Mapping[str, object], /) -> SessionSettings:
        """Write options into the config file and return the resulting settings.

        None removes an option. Raises ConfigError.
        """

    def forget_chat(self, label: str, /) -> None:
        """Delete the evaluated chat with this label from the disk. Raises StoreError."""


class NoFiles:
    """The files of a session without any: nothing is stored, and nothing can be chosen."""

    def check_model(self) -> GGUFHeader | None:
        return None

    def find_models(self, _cancelled: Callable[[], bool], /) -> Iterator[ModelFile | Looking]:
        return iter(())

    def settings_for(self, _name: str, /) -> SessionSettings:
        raise ModelError("The model cannot be changed here", "Start modechat with --model PATH.")

    def read_adapter(self, _text: str, /) -> Adapter:
        raise ModelError(
            "Adapters cannot be changed here", "Start modechat with a model of your own."
        )

    def remember_model(self) -> None:
        pass

    def remember_format(self, _name: str | None, /) -> None:
        pass

    def write_defaults(self, _options: Mapping[str, object], /) -> SessionSettings:
        raise ConfigError(
            "Defaults cannot be changed here", "Start modechat with a model of your own."
        )

    def forget_chat(self, _label: str, /) -> None:
        pass


_NO_FILES = NoFiles()


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings of a session's requests. System texts are empty if the user set none."""

    load: Load
    sampling: Sampling
    has_model: bool = True
    """True if a model is chosen; otherwise `load` names none yet."""
    chat_system: str = ""
    instruct_system: str = ""
    tasks: tuple[NamedTask, ...] = ()
    thinking: bool | None = None
    """True if a reasoning model thinks, False if not; None: as its template has it."""
    unload_after: float | None = None
    """Seconds without a request after which the model's memory is given back; None: never."""
    sampling_sources: tuple[tuple[str, Sampling], ...] = ()
    """The sources of `sampling` with their settings; the first one has precedence."""
    files: UserFiles = field(default=_NO_FILES, repr=False)

    def task(self, name: str) -> NamedTask | None:
        """Return the task with this name, or None."""
        return next((task for task in self.tasks if task.name == name), None)


@dataclass(frozen=True, slots=True)
class SoFar:
    """The text of a reply that the model continues; `typed` characters are the user's prefill."""

    text: str
    typed: int


def prompt_of(
    request: ChatMessage | Task,
    history: tuple[Turn, ...],
    settings: SessionSettings,
    so_far: SoFar | None = None,
    cut: ContextCut | None = None,
) -> ChatPrompt | InstructPrompt:
    """Return the engine's prompt for one turn after `history`; the context begins at `cut`."""
    if isinstance(request, ChatMessage):
        cut = in_effect(cut, history)
        system = _with_summary(settings.chat_system, cut)
        return ChatPrompt(
            messages=chat_messages(history, request.text, system),
            prefill="" if so_far is None else so_far.text,
            n_left_out=n_left_out(cut, history),
        )
    prompt = InstructPrompt(
        instruction=request.instruction,
        input=request.input,
        prefill=request.prefill,
        system=settings.instruct_system,
    )
    changes: dict[str, object] = {}
    if so_far is not None:
        changes |= {"prefill": so_far.text, "typed": so_far.typed}
    named = settings.task(request.name)
    if named is not None:
        changes["examples"] = named.worked_examples(request.instruction)
        changes["context_first"] = named.context_first
    return prompt.model_copy(update=changes)


def _with_summary(system: str, cut: ContextCut | None) -> str:
    """Return the system text, with the summary of the oldest turns if they have left."""
    if cut is None or not cut.summary:
        return system
    return f"{system}\n\nSummary of the conversation so far:\n{cut.summary}".strip()


def label_of(conversation_id: int, started_at: datetime) -> str:
    """Return the label of the evaluated chat on disk, unique among the user's databases."""
    return f"{conversation_id} {started_at.isoformat()}"


def clock_text(clock: datetime) -> str:
    """Return a time in the form that templates get."""
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
    """Return the engine's request for one turn after `history`.

    Templates see `clock` as the time. `label` names the conversation if its evaluated chat may be
    stored on disk.
    """
    generate = Generate(
        id=request_id,
        prompt=prompt_of(request, history, settings, so_far, cut),
        sampling=settings.sampling,
        now=clock_text(clock),
        thinking=settings.thinking,
    )
    if isinstance(request, ChatMessage):
        return generate.model_copy(update={"conversation": label})
    named = settings.task(request.name)
    if named is None:
        return generate
    return generate.model_copy(
        update={
            "sampling": named.sampling.over(settings.sampling),
            "schema_text": named.schema_text,
            "grammar": named.grammar,
        }
    )
