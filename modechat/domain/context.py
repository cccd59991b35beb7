"""Estimates how full the model's context is, and finds the turns that have left it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
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

USUAL_N_CTX = 4096
"""Tokens of context that are enough for a chat, and that even little memory should hold."""

_CHARACTERS_PER_TOKEN = 3.5
_TOKENS_AROUND = 8
"""Tokens that a template writes around a message."""
_MAX_TOKENS_AROUND = 32
_MAX_TOKENS_AT_START = 160
"""The same for a template that writes its own system text and a date."""
_ROOM_FOR_REPLY = 16
_TURNS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Forecast:
    """An estimate of the tokens in the context with the next chat turn."""

    tokens: int
    n_ctx: int
    alone: int = 0
    """Tokens of the new message alone."""

    @property
    def is_too_long(self) -> bool:
        """True if the message alone is longer than the context, so that it cannot be sent."""
        return self.alone > self.n_ctx

    @property
    def is_full(self) -> bool:
        """True if the oldest turns will leave the context to make room for the message."""
        return self.tokens + _ROOM_FOR_REPLY > self.n_ctx


def in_effect(cut: ContextCut | None, history: Iterable[Turn]) -> ContextCut | None:
    """Return the cut if it belongs to this path of turns, else None."""
    if cut is None:
        return None
    for turn in history:
        if turn.id == cut.after_turn_id:
            return cut
    return None


def n_left_out(cut: ContextCut | None, history: Iterable[Turn]) -> int:
    """Return the number of messages that have left the context.

    System text and pinned messages do not count.
    """
    if cut is None:
        return 0
    return 2 * sum(turn.id <= cut.left_turn_id for turn in _movable(history))


def cut_where(
    history: tuple[Turn, ...], n_left_out: int, before: ContextCut | None
) -> ContextCut | None:
    """Return the cut after this many messages have left, or None if none has.

    Turns leave as a whole. The cut keeps the summary of `before`.
    """
    leaving = _movable(history)[: math.ceil(n_left_out / 2)]
    if not leaving:
        return None
    summary = "" if before is None else before.summary
    return ContextCut(history[-1].id, leaving[-1].id, summary)


def turns_to_compact(conversation: Conversation) -> tuple[Turn, ...]:
    """Return the turns that a summary would replace: all but the last and pinned ones."""
    inside = [turn for turn in conversation.turns if turn.is_seen]
    return tuple(_movable(inside[:-_TURNS_KEPT]))


def tokens_in_use(conversation: Conversation | None, mode: Mode, system: str = "") -> int:
    """Estimate the tokens of the visible turns in the mode's lane, which the next turn extends.

    Tasks do not see each other, so the lane of instruct mode holds only the last one. `system` is
    the chat's system text.
    """
    turns: tuple[Turn, ...] = ()
    if conversation is not None:
        turns = conversation.turns
    if mode is Mode.INSTRUCT:
        return _tokens_of_last_task(turns)
    known = _tokens_of_chat(turns, system)
    if conversation is not None and conversation.cut is not None and conversation.cut.summary:
        # The summary may be newer than the last chat turn.
        known = min(known, _tokens_after_cut(conversation, conversation.cut))
    return known


def _tokens_of_last_task(turns: Sequence[Turn]) -> int:
    for turn in reversed(turns):
        stats = turn.reply.stats
        if turn.mode is Mode.INSTRUCT and stats is not None:
            return stats.prompt_tokens + stats.completion_tokens
    return 0


def _tokens_of_chat(turns: Iterable[Turn], system: str) -> int:
    """Return the tokens of the chat from the figures of its replies.

    If a prompt was longer than all texts before its reply can be, turns were deleted since. Then
    the remaining texts are estimated.
    """
    known, has_turns = 0, False
    new: list[str] = []
    """Texts since the last reply with figures."""
    if system:
        new.append(system)
    most_around = _MAX_TOKENS_AT_START
    for turn in turns:
        stats = turn.reply.stats
        has_turns = has_turns or turn.is_seen
        if turn.mode is Mode.CHAT and stats is not None:
            new.append(message_text(turn.request))
            asked = stats.prompt_tokens
            if asked > known + most_around + _bytes_of(new):
                asked = known + _tokens_of(new)
            known = asked + _tokens_kept(turn.reply, stats)
            new, most_around = [], _MAX_TOKENS_AROUND
        elif turn.is_seen:
            new += [message_text(turn.request), turn.reply.text]
            most_around += _MAX_TOKENS_AROUND
    if not known and not has_turns:
        return 0
    return known + _tokens_of(new)


def _bytes_of(texts: Iterable[str]) -> int:
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


def _tokens_kept(reply: Reply, stats: ReplyStats) -> int:
    """Return the tokens of the reply in the next prompt, without thinking and repetition."""
    written = stats.completion_tokens - stats.thinking_tokens
    if not reply.text:
        return written
    return written * len(reply.text) // (len(reply.text) + stats.repeated)


def _tokens_of(texts: Iterable[str]) -> int:
    """Estimate the tokens of messages."""
    return sum(_TOKENS_AROUND + math.ceil(len(text) / _CHARACTERS_PER_TOKEN) for text in texts)


def forecast(
    conversation: Conversation | None, text: str, n_ctx: int, attached: int = 0, system: str = ""
) -> Forecast:
    """Estimate how many of the `n_ctx` tokens are filled by a chat with one more turn.

    Its message is `text` with `attached` characters of files.
    """
    new = _TOKENS_AROUND + math.ceil((len(text) + attached) / _CHARACTERS_PER_TOKEN)
    return Forecast(tokens_in_use(conversation, Mode.CHAT, system) + new, n_ctx, new)


def _tokens_after_cut(conversation: Conversation, cut: ContextCut) -> int:
    """Estimate the tokens of the summary and of the turns after it."""
    texts = [cut.summary]
    for turn in conversation.turns:
        if turn.is_seen and (turn.pinned or turn.id > cut.left_turn_id):
            texts += [message_text(turn.request), turn.reply.text]
    return _tokens_of(texts)


def _movable(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns that may leave the context."""
    return [turn for turn in turns if turn.is_seen and not turn.pinned]
