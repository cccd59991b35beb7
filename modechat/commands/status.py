"""Describes the mode, the model and the context for users who do not see the status line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from modechat.domain.context import tokens_in_use
from modechat.domain.counted import counted
from modechat.domain.lora import lora_label
from modechat.domain.text import ended, sanitize_line
from modechat.prompting.prompt_format import AS_IS
from modechat.prompting.thinking import ThinkingSwitch
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.conversation import ReplyStats
    from modechat.domain.mode import ModeState
    from modechat.engine.protocol import Adapter, ModelInfo
    from modechat.session.chat_session import ChatSession

_STATES = {
    Phase.LOADING: "The model is being loaded.",
    Phase.DOWN: "No model is loaded.",
    Phase.UNLOADED: "The model's memory was given back until the next message.",
}


def status_sentences(session: ChatSession) -> tuple[str, ...]:
    """Return sentences on the mode, the model, the context and the last reply's speed."""
    return tuple(_sentences(session))


def model_sentence(model: ModelInfo) -> str:
    """Return a sentence on the model, its prompt format and its devices."""
    name = sanitize_line(model.name)
    return f"The model is {name}; prompt format {_format(model)}; it runs on {model.placement}."


def _sentences(session: ChatSession) -> Iterator[str]:
    yield mode_sentence(session.state)
    model = session.model
    if session.phase in _STATES:
        yield _STATES[session.phase]
    elif model is not None:
        yield model_sentence(model)
    if session.adapters:
        yield f"LoRA: {', '.join(map(shown_adapter, session.adapters))}."
    if thinking := _thinking(session):
        yield f"Thinking is {thinking}."
    if model is not None:
        yield f"{_used(session, model):,} of the context's {model.n_ctx:,} tokens are used."
    if (stats := _last_stats(session)) is not None:
        yield _speed_sentence(stats)


def status_table(session: ChatSession) -> str:
    """Return the status as a table: one line for each fact, with its name in front."""
    rows = list(_rows(session))
    width = max(len(name) for name, _ in rows) + 2
    return "\n".join(f"{name:{width}}{value}" for name, value in rows)


def _rows(session: ChatSession) -> Iterator[tuple[str, str]]:
    state, model, conversation = session.state, session.model, session.conversation
    mode = str(state.mode)
    if state.standing is not None:
        mode += f": “{sanitize_line(state.standing)}”"
    yield "Mode", mode
    if session.phase in _STATES:
        yield "Model", _STATES[session.phase].rstrip(".")
    elif model is not None:
        yield "Model", f"{sanitize_line(model.name)}, on {model.placement}"
        yield "Prompt format", _format(model)
    for adapter in session.adapters:
        yield "LoRA", shown_adapter(adapter)
    if thinking := _thinking(session):
        yield "Thinking", thinking
    if model is not None:
        used = _used(session, model)
        yield "Context", f"{used:,} of {model.n_ctx:,} tokens ({used / model.n_ctx:.0%})"
    if conversation is not None:
        turns = counted(len(conversation.turns), "turn")
        title = sanitize_line(conversation.title) or "without a title"
        yield "Conversation", f"{conversation.id}, {title}, {turns}"
    if (stats := _last_stats(session)) is not None:
        yield "Last reply", _speed(stats)
        if stats.fallback not in ("", AS_IS):
            yield "Written as", sanitize_line(stats.fallback)


def _format(model: ModelInfo) -> str:
    return f"{sanitize_line(model.format)} ({sanitize_line(model.format_source)})"


def shown_adapter(adapter: Adapter) -> str:
    """Return an adapter's label, with the mode in which alone it is applied; safe to show."""
    label = sanitize_line(lora_label(adapter.path, adapter.scale))
    return label if adapter.mode is None else f"{label} ({adapter.mode})"


def _thinking(session: ChatSession) -> str:
    """Return the user's choice, `on` or `off`, or "" if there is none or no choice is possible."""
    model, wanted = session.model, session.settings.thinking
    if model is None or model.thinking is ThinkingSwitch.NONE or wanted is None:
        return ""
    return "on" if wanted else "off"


def _speed(stats: ReplyStats) -> str:
    first = f"{stats.seconds_to_first_token:.1f} s to the first"
    return f"{stats.tokens_per_second:.0f} tokens a second, {first}"


def _used(session: ChatSession, model: ModelInfo) -> int:
    used = tokens_in_use(session.conversation, session.state.mode, session.settings.chat_system)
    return min(used, model.n_ctx)


def _last_stats(session: ChatSession) -> ReplyStats | None:
    last = session.last_turn
    return None if last is None else last.reply.stats


def mode_sentence(state: ModeState) -> str:
    """Return a sentence on the mode, and on the instruction that every message is an input for."""
    if state.standing is None:
        return f"The mode is {state.mode}."
    instruction = sanitize_line(state.standing)
    return ended(f"The mode is {state.mode}: every message is an input for “{instruction}”")


def _speed_sentence(stats: ReplyStats) -> str:
    sentence = f"The last reply: {_speed(stats)}."
    if stats.fallback in ("", AS_IS):
        return sentence
    return f"{sentence} Written as {sanitize_line(stats.fallback)}."
