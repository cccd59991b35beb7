"""What of a chat is in the model's context: what has left it, what stays, and whether the next message fits."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from modechat.domain.conversation import (
    ContextCut,
    Conversation,
    Reply,
    ReplyStats,
    Turn,
    message_text,
)
from modechat.domain.mode import Mode

_CHARACTERS_PER_TOKEN = 3.5
_TOKENS_AROUND = 8  # what a template writes around a message
_MOST_TOKENS_AROUND = 32
_MOST_TOKENS_AT_START = 160  # with a system text of the template's own, and a date
_ROOM_FOR_REPLY = 16
_TURNS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next chat turn will fill of the context, in tokens, about."""

    tokens: int
    n_ctx: int
    alone: int = 0
    """Of these, the new message itself."""

    @property
    def is_too_long(self) -> bool:
        """Whether the message alone is longer than the context: whatever leaves, it cannot be sent."""
        return self.alone > self.n_ctx

    @property
    def is_full(self) -> bool:
        """Whether the oldest turns leave with it."""
        return self.tokens + _ROOM_FOR_REPLY > self.n_ctx


def in_effect(cut: ContextCut | None, history: Iterable[Turn]) -> ContextCut | None:
    """The cut, if it belongs to this path of turns."""
    return (
        cut if cut is not None and any(turn.id == cut.after_turn_id for turn in history) else None
    )


def n_left_out(cut: ContextCut | None, history: Iterable[Turn]) -> int:
    """How many messages have left the context: oldest first, without the system text and pinned ones."""
    return (
        2 * sum(turn.id <= cut.left_turn_id for turn in _movable(history)) if cut is not None else 0
    )


def cut_where(
    history: tuple[Turn, ...], n_left_out: int, before: ContextCut | None
) -> ContextCut | None:
    """The cut that says that so many messages have left; None if that is none. Turns leave as a whole.

    It keeps the summary of the cut `before` it.
    """
    leaving = _movable(history)[: math.ceil(n_left_out / 2)]
    if not leaving:
        return None
    return ContextCut(history[-1].id, leaving[-1].id, before.summary if before is not None else "")


def turns_to_compact(conversation: Conversation) -> tuple[Turn, ...]:
    """The turns that a summary would take the place of: all in the context but the last ones and those pinned."""
    inside = [turn for turn in conversation.turns if _is_seen(turn)]
    kept = {turn.id for turn in inside[-_TURNS_KEPT:]}
    return tuple(turn for turn in _movable(inside) if turn.id not in kept)


def tokens_in_use(conversation: Conversation | None, mode: Mode, system: str = "") -> int:
    """Tokens, about, that the mode's lane holds of the visible turns: what the next message of the chat is added to.

    Tasks see nothing of each other: the last one is what the lane of instruct mode holds. `system` is the chat's
    system text.
    """
    turns = conversation.turns if conversation is not None else ()
    if mode is Mode.INSTRUCT:
        answered = [
            stats for turn in turns if turn.mode is mode and (stats := turn.reply.stats) is not None
        ]
        return answered[-1].prompt_tokens + answered[-1].completion_tokens if answered else 0
    known = _known(turns, system)
    if conversation is not None and conversation.cut is not None and conversation.cut.summary:
        known = min(
            known, _estimated(conversation, conversation.cut)
        )  # it may be younger than the last chat turn
    return known


def _known(turns: Iterable[Turn], system: str) -> int:
    """Tokens of the chat: what the figures of its replies say, but for turns that were deleted since.

    Where a prompt was longer than all that is there in front of the reply can be, something was deleted, and what is
    there is estimated.
    """
    known, has_turns = 0, False
    new = [system] if system else []
    """What came since the last reply with figures."""
    most_around = _MOST_TOKENS_AT_START
    for turn in turns:
        stats = turn.reply.stats
        has_turns = has_turns or _is_seen(turn)
        if turn.mode is Mode.CHAT and stats is not None:
            new.append(message_text(turn.request))
            most = known + most_around + sum(len(text.encode("utf-8", "replace")) for text in new)
            asked = stats.prompt_tokens if stats.prompt_tokens <= most else known + _tokens_of(new)
            known = asked + _tokens_kept(turn.reply, stats)
            new, most_around = [], _MOST_TOKENS_AROUND
        elif _is_seen(turn):
            new += [message_text(turn.request), turn.reply.text]
            most_around += _MOST_TOKENS_AROUND
    return known + _tokens_of(new) if known or has_turns else 0


def _tokens_kept(reply: Reply, stats: ReplyStats) -> int:
    """Tokens of the reply that the next prompt has: what it thought is not in it, nor what it only said again."""
    written = stats.completion_tokens - stats.thinking_tokens
    return (
        written * len(reply.text) // (len(reply.text) + stats.repeated) if reply.text else written
    )


def _tokens_of(texts: Iterable[str]) -> int:
    """Tokens of messages, about."""
    return sum(_TOKENS_AROUND + math.ceil(len(text) / _CHARACTERS_PER_TOKEN) for text in texts)


def forecast(
    conversation: Conversation | None, text: str, n_ctx: int, attached: int = 0, system: str = ""
) -> Forecast:
    """What a chat turn with `text`, and `attached` characters of files, will fill of a context of `n_ctx` tokens."""
    new = _TOKENS_AROUND + math.ceil((len(text) + attached) / _CHARACTERS_PER_TOKEN)
    return Forecast(tokens_in_use(conversation, Mode.CHAT, system) + new, n_ctx, new)


def _estimated(conversation: Conversation, cut: ContextCut) -> int:
    """Tokens of the summary and of the turns after it, about."""
    inside = [
        turn
        for turn in conversation.turns
        if _is_seen(turn) and (turn.pinned or turn.id > cut.left_turn_id)
    ]
    texts = [
        cut.summary,
        *(text for turn in inside for text in (message_text(turn.request), turn.reply.text)),
    ]
    return _tokens_of(texts)


def _is_seen(turn: Turn) -> bool:
    """Whether the turn is part of the chat that the model sees."""
    return turn.in_chat and bool(turn.reply.text)


def _movable(turns: Iterable[Turn]) -> list[Turn]:
    return [turn for turn in turns if _is_seen(turn) and not turn.pinned]
