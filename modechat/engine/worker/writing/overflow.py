"""What happens when a prompt is longer than the context: the oldest messages of a chat leave it, in blocks.

System text and pinned turns stay, and so does what the user just said. As many leave at once as make the rest a good
deal shorter than the context: what left once stays out, so that the prompt's beginning changes rarely. A reply that is
to go on and fills the context alone goes on from its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modechat.domain.conversation import Message, Role
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.prompts import TokenizedPrompt

_LEAST_ROOM = 16  # tokens that must be free for the reply
_ROOM = 512  # tokens that should be free for the reply, where older messages can make way for it
_FILLED = 0.6  # share of the context that a prompt may take after messages have left


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits into the context, and how many messages of its chat have left (as in ChatPrompt)."""

    made: TokenizedPrompt
    n_left_out: int = 0


def fit(
    request: ChatPrompt | InstructPrompt,
    make: Callable[[ChatPrompt | InstructPrompt], TokenizedPrompt],
    n_ctx: int,
    max_tokens: int | None,
) -> Fitted:
    """The prompt of `request` in a context of `n_ctx` tokens, with room for a reply of at most `max_tokens`.

    Raises WorkerFailure if it does not fit, whatever leaves.
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
    """The chat without the messages that have left."""
    leave = set(_may_leave(request.messages)[:n_left_out])
    kept = tuple(message for i, message in enumerate(request.messages) if i not in leave)
    return request.model_copy(update={"messages": kept, "n_left_out": 0})


def _shorten(
    request: ChatPrompt,
    choices: list[int],
    make: Callable[[ChatPrompt | InstructPrompt], TokenizedPrompt],
    wanted: tuple[int, ...],
) -> Fitted:
    """The prompt with the fewest messages gone that has at most so many tokens: the first of `wanted` that can be had.
    If none can, the shortest one."""
    low, high = 0, len(choices) - 1
    best = Fitted(make(without_left_out(request, choices[high])), choices[high])
    n_wanted = next((limit for limit in wanted if len(best.made.tokens) <= limit), None)
    if n_wanted is None:
        return best
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
    """The prompt with the end of the reply that is to go on: as much of it as makes no more than `wanted` tokens, but
    one character at least."""
    rest = request.prefill
    while len(rest) > 1:
        rest = rest[(len(rest) + 1) // 2 :]
        made = make(request.model_copy(update={"prefill": rest}))
        if len(made.tokens) <= wanted:
            return made
    return make(request.model_copy(update={"prefill": rest}))


def _may_leave(messages: tuple[Message, ...]) -> list[int]:
    """Where the messages are that may leave, oldest first: all but the system text, pinned ones and the last."""
    return [
        i
        for i, message in enumerate(messages[:-1])
        if message.role is not Role.SYSTEM and not message.pinned
    ]


def _choices(request: ChatPrompt) -> list[int]:
    """How many messages could leave, more than have left: always whole turns, so that a user begins."""
    may_leave = _may_leave(request.messages)
    last = len(request.messages) - 1
    return [
        count
        for count in range(request.n_left_out + 1, len(may_leave) + 1)
        if request.messages[may_leave[count] if count < len(may_leave) else last].role is Role.USER
    ]


def _checked(
    made: TokenizedPrompt, n_ctx: int, room: int, *, has_pins: bool = False
) -> TokenizedPrompt:
    n_prompt = len(made.tokens)
    if n_prompt == 0:
        raise WorkerFailure(
            "engine", "The chat template makes an empty prompt of this", "Try another model."
        )
    if n_prompt + room > n_ctx:
        raise WorkerFailure(
            "context",
            f"The prompt has {n_prompt:,} tokens, the context holds {n_ctx:,}",
            "Pinned turns stay in the context: /pin takes the last one out again."
            if has_pins
            else "Shorten the text, or give the model more room with --ctx.",
        )
    return made
