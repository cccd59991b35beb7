"""What the program stands ready to do, in sentences: the status line for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modechat.domain.lora import lora_label
from modechat.domain.text import sanitize_line
from modechat.prompting.ladder import AS_IS
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.conversation import ReplyStats
    from modechat.domain.modes import ModeState
    from modechat.engine.protocol import ModelInfo
    from modechat.session.chat_session import ChatSession

_STATES = {
    Phase.LOADING: "The model is being loaded.",
    Phase.DOWN: "No model is loaded.",
    Phase.UNLOADED: "The model's memory was given back until the next message.",
}


def status_sentences(session: ChatSession) -> tuple[str, ...]:
    """The mode, the model, the context and the last reply's speed, in one line each."""
    return tuple(_sentences(session))


def model_sentence(model: ModelInfo) -> str:
    """The model, its prompt format and where it runs."""
    where = sanitize_line(model.device)
    prompt_format = f"{sanitize_line(model.format)} ({sanitize_line(model.format_source)})"
    return f"The model is {sanitize_line(model.name)}; prompt format {prompt_format}; it runs on {where}."


def _sentences(session: ChatSession) -> Iterator[str]:
    yield mode_sentence(session.state)
    model = session.model
    if session.phase in _STATES:
        yield _STATES[session.phase]
    elif model is not None:
        yield model_sentence(model)
    if session.adapters:
        labels = ", ".join(sanitize_line(lora_label(adapter.path, adapter.scale)) for adapter in session.adapters)
        yield f"LoRA: {labels}."
    wanted = session.settings.thinking
    if model is not None and model.thinking is not ThinkingSwitch.NONE and wanted is not None:
        yield f"Thinking is {'on' if wanted else 'off'}."
    last = session.conversation.last_turn if session.conversation is not None else None
    stats = last.reply.stats if last is not None else None
    if model is not None:
        used = min(stats.prompt_tokens + stats.completion_tokens, model.n_ctx) if stats is not None else 0
        yield f"{used:,} of the context's {model.n_ctx:,} tokens are used."
    if stats is not None:
        yield _speed_sentence(stats)


def mode_sentence(state: ModeState) -> str:
    """Which mode it is, and the instruction that stands."""
    if state.standing is None:
        return f"The mode is {state.mode}."
    return f"The mode is {state.mode}: every message is an input for “{sanitize_line(state.standing)}”."


def _speed_sentence(stats: ReplyStats) -> str:
    speed = f"{stats.tokens_per_second:.0f} tokens a second, {stats.seconds_to_first_token:.1f} s to the first"
    rung = f" Written as {sanitize_line(stats.rung)}." if stats.rung not in ("", AS_IS) else ""
    return f"The last reply: {speed}.{rung}"
