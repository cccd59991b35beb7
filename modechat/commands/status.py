"""What the program stands ready to do, in sentences: the status line for those who do not see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modechat.domain.context import tokens_in_use
from modechat.domain.lora import lora_label
from modechat.domain.text import ended, sanitize_line
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.conversation import ReplyStats
    from modechat.domain.mode import ModeState
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
    where = str(model.placement)
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
        labels = ", ".join(
            sanitize_line(lora_label(adapter.path, adapter.scale)) for adapter in session.adapters
        )
        yield f"LoRA: {labels}."
    wanted = session.settings.thinking
    if model is not None and model.thinking is not ThinkingSwitch.NONE and wanted is not None:
        yield f"Thinking is {'on' if wanted else 'off'}."
    if model is not None:
        yield f"{_used(session, model):,} of the context's {model.n_ctx:,} tokens are used."
    if (stats := _last_stats(session)) is not None:
        yield _speed_sentence(stats)


def status_table(session: ChatSession) -> str:
    """The same for those who see it: a line for each, its name in front."""
    rows = list(_rows(session))
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:{width}}{value}" for name, value in rows)


def _rows(session: ChatSession) -> Iterator[tuple[str, str]]:
    state, model, conversation = session.state, session.model, session.conversation
    yield (
        "Mode",
        str(state.mode)
        if state.standing is None
        else f"{state.mode}: “{sanitize_line(state.standing)}”",
    )
    if session.phase in _STATES:
        yield "Model", _STATES[session.phase].rstrip(".")
    elif model is not None:
        yield "Model", f"{sanitize_line(model.name)}, on {model.placement!s}"
        yield (
            "Prompt format",
            f"{sanitize_line(model.format)} ({sanitize_line(model.format_source)})",
        )
    for adapter in session.adapters:
        yield "LoRA", sanitize_line(lora_label(adapter.path, adapter.scale))
    wanted = session.settings.thinking
    if model is not None and model.thinking is not ThinkingSwitch.NONE and wanted is not None:
        yield "Thinking", "on" if wanted else "off"
    if model is not None:
        used = _used(session, model)
        yield "Context", f"{used:,} of {model.n_ctx:,} tokens ({used / model.n_ctx:.0%})"
    if conversation is not None:
        n_turns = len(conversation.turns)
        title = sanitize_line(conversation.title) or "without a title"
        yield (
            "Conversation",
            f"{conversation.id}, {title}, {n_turns} turn{'' if n_turns == 1 else 's'}",
        )
    if (stats := _last_stats(session)) is not None:
        speed = f"{stats.tokens_per_second:.0f} tokens a second, {stats.seconds_to_first_token:.1f} s to the first"
        yield "Last reply", speed
        if stats.fallback not in ("", AS_IS):
            yield "Written as", sanitize_line(stats.fallback)


def _used(session: ChatSession, model: ModelInfo) -> int:
    used = tokens_in_use(session.conversation, session.state.mode, session.settings.chat_system)
    return min(used, model.n_ctx)


def _last_stats(session: ChatSession) -> ReplyStats | None:
    last = session.conversation.last_turn if session.conversation is not None else None
    return last.reply.stats if last is not None else None


def mode_sentence(state: ModeState) -> str:
    """Which mode it is, and the instruction that stands."""
    if state.standing is None:
        return f"The mode is {state.mode}."
    return ended(
        f"The mode is {state.mode}: every message is an input for “{sanitize_line(state.standing)}”"
    )


def _speed_sentence(stats: ReplyStats) -> str:
    speed = f"{stats.tokens_per_second:.0f} tokens a second, {stats.seconds_to_first_token:.1f} s to the first"
    fallback = (
        f" Written as {sanitize_line(stats.fallback)}." if stats.fallback not in ("", AS_IS) else ""
    )
    return f"The last reply: {speed}.{fallback}"
