"""Makes a prompt fit into the context: the oldest messages of a chat leave it, in blocks.

System text and pinned turns stay, and so does the user's last message. So many messages leave at
once that the rest is a good deal shorter than the context. They stay out, so that the prompt's
beginning changes rarely. If the reply to continue fills the context alone, only its end is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modechat.domain.conversation import Message, Role
from modechat.domain.notices import SHORTEN_OR_WIDEN, too_long_note
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.prompts import TokenizedPrompt

_LEAST_ROOM = 16  # tokens that must be free for the reply
_ROOM = 512  # tokens that should be free for the reply, if older messages can make way
_FILLED = 0.6  # share of the context that a prompt may take after messages have left


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits into the context; `n_left_out` is as in ChatPrompt."""

    made: TokenizedPrompt
    n_left_out: int = 0


def fit(
    request: ChatPrompt | InstructPrompt,
    make: Callable[[ChatPrompt | InstructPrompt], TokenizedPrompt],
    n_ctx: int,
    max_tokens: int | None,
) -> Fitted:
    """Make a prompt of `request` that fits into `n_ctx` tokens, with room for the reply.

    The reply has at most `max_tokens`.

    Raises WorkerFailure if the prompt does not fit, whatever leaves.
    """
    least = min(_LEAST_ROOM, max_tokens or _LEAST_ROOM, n_ctx // 4)
    room = max(least, min(_ROOM, max_tokens or _ROOM, n_ctx // 4))
    if not isinstance(request, ChatPrompt):
        return Fitted(_checked(make(request), n_ctx, least))
    fitted = Fitted(make(without_left_out(request, request.n_left_out)), request.n_left_out)
    if len(fitted.made.tokens) + room > n_ctx and (choices := _choices(request)):
        fitted = _shorten(request, choices, make, (round(n_ctx * _FILLED), n_ctx - room))
    made = fitted.made
    if len(made.tokens) + least > n_ctx and request.prefill:
        made = _from_the_end(without_left_out(request, fitted.n_left_out), make, n_ctx - room)
    has_pins = any(message.pinned for message in request.messages)
    return Fitted(_checked(made, n_ctx, least, has_pins=has_pins), fitted.n_left_out)


def without_left_out(request: ChatPrompt, n_left_out: int) -> ChatPrompt:
    """Return the chat without the messages that have left the context."""
    kept = list(request.messages)
    for i in reversed(_may_leave(request.messages)[:n_left_out]):
        del kept[i]
    return request.model_copy(update={"messages": tuple(kept), "n_left_out": 0})


def _shorten(
    request: ChatPrompt,
    choices: list[int],
    make: Callable[[ChatPrompt | InstructPrompt], TokenizedPrompt],
    wanted: tuple[int, ...],
) -> Fitted:
    """Make the prompt that lacks the fewest messages and keeps a limit of tokens.

    The limit is the first of `wanted` that can be kept. If none can, the prompt is the shortest
    one.
    """
    low, high = 0, len(choices) - 1
    best = Fitted(make(without_left_out(request, choices[high])), choices[high])
    possible = [limit for limit in wanted if len(best.made.tokens) <= limit]
    if not possible:
        return best
    n_wanted = possible[0]
    while low < high:
        middle = (low + high) // 2
        made = make(without_left_out(request, choices[middle]))
        if len(made.tokens) <= n_wanted:
            best, high = Fitted(made, choices[middle]), middle
        else:
            low = middle + 1
    return best


def _from_the_end(
    request: ChatPrompt, make: Callable[[ChatPrompt | InstructPrompt], TokenizedPrompt], wanted: int
) -> TokenizedPrompt:
    """Make the prompt with only the end of the reply to continue.

    The end is halved until the prompt has at most `wanted` tokens, or only one character is left.
    """
    rest = request.prefill
    while len(rest) > 1:
        rest = rest[(len(rest) + 1) // 2 :]
        made = make(request.model_copy(update={"prefill": rest}))
        if len(made.tokens) <= wanted:
            return made
    return make(request.model_copy(update={"prefill": rest}))


def _may_leave(messages: tuple[Message, ...]) -> list[int]:
    """Return the places of the messages that may leave, oldest first.

    The system text, pinned messages and the last one stay.
    """
    may_leave = []
    for i, message in enumerate(messages[:-1]):
        if message.role is not Role.SYSTEM and not message.pinned:
            may_leave.append(i)
    return may_leave


def _choices(request: ChatPrompt) -> list[int]:
    """Return the counts of messages that could leave, above the count of those that have left.

    Whole turns leave, so that a message of the user begins the rest.
    """
    stay_last = len(request.messages) - 1
    begins = [*_may_leave(request.messages), stay_last]
    choices = []
    for count in range(request.n_left_out + 1, len(begins)):
        if request.messages[begins[count]].role is Role.USER:
            choices.append(count)
    return choices


def _checked(
    made: TokenizedPrompt, n_ctx: int, room: int, *, has_pins: bool = False
) -> TokenizedPrompt:
    n_prompt = len(made.tokens)
    if n_prompt == 0:
        raise WorkerFailure(
            "engine", "The chat template makes an empty prompt of this", "Try another model."
        )
    if n_prompt + room > n_ctx:
        hint = SHORTEN_OR_WIDEN
        if has_pins:
            hint = "Pinned turns stay in the context: /pin takes the last one out again."
        raise WorkerFailure("context", too_long_note(n_prompt, n_ctx), hint)
    return made
