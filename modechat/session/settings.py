"""What a session asks the engine for: the same for every front end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modechat.domain.conversation import Turn, chat_messages
from modechat.domain.modes import ChatMessage, Task
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import ChatPrompt, Generate, InstructPrompt, Load


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """The settings that reach the engine. System texts are empty where the user set none."""

    load: Load
    sampling: Sampling
    check_model: Callable[[], object] = lambda: None
    """Looks at the model file before the engine does, for better words; raises ModelError."""
    chat_system: str = ""
    instruct_system: str = ""


def generate_request(
    request_id: int,
    request: ChatMessage | Task,
    history: tuple[Turn, ...],
    settings: SessionSettings,
    clock: datetime,
) -> Generate:
    """The engine's request for one turn after `history`. `clock` is the start of the conversation."""
    prompt: ChatPrompt | InstructPrompt
    match request:
        case ChatMessage(text=text):
            prompt = ChatPrompt(messages=chat_messages(history, text, settings.chat_system))
        case Task(instruction=instruction, input=text, prefill=prefill):
            prompt = InstructPrompt(
                instruction=instruction, input=text, prefill=prefill, system=settings.instruct_system
            )
    return Generate(
        id=request_id, prompt=prompt, sampling=settings.sampling, now=clock.astimezone().isoformat(timespec="seconds")
    )
