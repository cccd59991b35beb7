"""What a session asks the engine for: the same for every front end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modechat.domain.conversation import Turn, chat_messages
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, Generate, InstructPrompt, Load
from modechat.prompting.tasks import NamedTask


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings that reach the engine. System texts are empty where the user set none."""

    load: Load
    sampling: Sampling
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

    def task(self, name: str) -> NamedTask | None:
        return next((task for task in self.tasks if task.name == name), None)


def prompt_of(
    request: ChatMessage | Task, history: tuple[Turn, ...], settings: SessionSettings
) -> ChatPrompt | InstructPrompt:
    """What the engine makes a prompt of, for one turn after `history`."""
    match request:
        case ChatMessage(text=text):
            return ChatPrompt(messages=chat_messages(history, text, settings.chat_system))
        case Task() as task:
            named = settings.task(task.name)
            return InstructPrompt(
                instruction=task.instruction,
                input=task.input,
                prefill=task.prefill,
                system=settings.instruct_system,
                examples=named.worked_examples(task.instruction) if named else (),
                context_first=named.context_first if named else False,
            )


def clock_text(clock: datetime) -> str:
    """The clock of a conversation as templates with dates get it."""
    return clock.astimezone().isoformat(timespec="seconds")


def generate_request(
    request_id: int,
    request: ChatMessage | Task,
    history: tuple[Turn, ...],
    settings: SessionSettings,
    clock: datetime,
) -> Generate:
    """The engine's request for one turn after `history`. `clock` is the start of the conversation."""
    named = settings.task(request.name) if isinstance(request, Task) else None
    return Generate(
        id=request_id,
        prompt=prompt_of(request, history, settings),
        sampling=named.sampling.over(settings.sampling) if named else settings.sampling,
        now=clock_text(clock),
        thinking=settings.thinking,
        schema_text=named.schema_text if named else None,
        grammar=named.grammar if named else None,
    )
