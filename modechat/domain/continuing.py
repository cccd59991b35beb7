"""Lets a reply grow, end and be continued, with the figures of both parts."""

from __future__ import annotations

from dataclasses import replace

from modechat.domain.conversation import Reply, ReplyState, ReplyStats, StopReason, Turn
from modechat.domain.key_names import REGENERATE, key

_CUT_STATES = frozenset({ReplyState.STOPPED, ReplyState.INTERRUPTED, ReplyState.FAILED})
_CUT_REASONS = frozenset(
    {StopReason.LENGTH, StopReason.CONTEXT, StopReason.LEAK, StopReason.REPEATS}
)


def why_not_continue(turn: Turn | None) -> str:
    """Return the reason why the model cannot continue the turn's reply, or "" if it can."""
    if turn is None:
        return "There is no reply yet that could go on."
    reply = turn.reply
    if reply.stop_reason is StopReason.LEAK and not _is_own_format(reply):
        other_format = key("try_format", "Ctrl+]")
        return (
            "The reply was cut where it began another role's turn: "
            f"{other_format} asks in another format."
        )
    if reply.state not in _CUT_STATES and reply.stop_reason not in _CUT_REASONS:
        return f"The last reply is complete. {REGENERATE} asks for another one."
    if reply.text:
        return ""
    if reply.thinking:
        return (
            "The reply was cut while the model thought, and that cannot go on. "
            f"{REGENERATE} asks again."
        )
    return f"Nothing of the reply had come yet. {REGENERATE} asks again."


def _is_own_format(reply: Reply) -> bool:
    """Return True if the reply used the model's own format, so that its leak was a false alarm."""
    return reply.stats is not None and reply.stats.format_source == "gguf"


def reopened(turn: Turn) -> Turn:
    """Return the turn in its state while the model continues the reply."""
    return turn.with_reply(
        replace(turn.reply, state=ReplyState.STREAMING, stop_reason=None, error="")
    )


def joined(earlier: Reply, later: Reply) -> Reply:
    """Return `later` with the figures of both; it continues `earlier` and includes its text."""
    if earlier.stats is None or later.stats is None:
        return later
    return replace(later, stats=_sum(earlier.stats, later.stats))


def _sum(first: ReplyStats, second: ReplyStats) -> ReplyStats:
    """Add the figures. The second prompt includes the first reply, which is counted once."""
    seconds = _seconds_of(first) + _seconds_of(second)
    completion = first.completion_tokens + second.completion_tokens
    return replace(
        second,
        prompt_tokens=max(second.prompt_tokens - first.completion_tokens, 0),
        reused_tokens=first.reused_tokens,
        restored_tokens=first.restored_tokens,
        completion_tokens=completion,
        thinking_tokens=first.thinking_tokens + second.thinking_tokens,
        seconds_to_first_token=first.seconds_to_first_token,
        tokens_per_second=completion / seconds if seconds else 0.0,
        evaluated_tokens=first.evaluated_tokens + second.evaluated_tokens,
        drafted_tokens=first.drafted_tokens + second.drafted_tokens,
        accepted_tokens=first.accepted_tokens + second.accepted_tokens,
        neutralised=first.neutralised,
    )


def _seconds_of(stats: ReplyStats) -> float:
    """Return the seconds that writing the reply took."""
    if stats.tokens_per_second <= 0:
        return 0.0
    return stats.completion_tokens / stats.tokens_per_second


def grown(reply: Reply, text: str, *, is_thinking: bool) -> Reply:
    """Return the reply with more text, while it is written."""
    if is_thinking:
        return replace(reply, state=ReplyState.STREAMING, thinking=reply.thinking + text)
    return replace(reply, state=ReplyState.STREAMING, text=reply.text + text)


def ended(reply: Reply, result: Reply) -> Reply:
    """Return the final state `result` with the text of `reply`, trimmed and not repeated."""
    text, thinking = reply.text.rstrip(), reply.thinking.rstrip()
    return without_repetition(replace(result, text=text, thinking=thinking))


def without_repetition(reply: Reply) -> Reply:
    """Return the reply without the repetition at its end; the repeated unit remains once."""
    if reply.stop_reason is not StopReason.REPEATS or reply.stats is None:
        return reply
    n_repeated = reply.stats.repeated
    if not n_repeated:
        return reply
    if reply.text:
        return replace(reply, text=reply.text[:-n_repeated].rstrip())
    return replace(reply, thinking=reply.thinking[:-n_repeated].rstrip())
