"""Refuses texts that can never fit into the context, before a prompt is made of them.

Rendering, guarding and tokenising take time and memory for every byte. The length of the
vocabulary's longest token bounds the number of tokens from below. Where that does not settle it,
the text is counted piece by piece, until there are too many tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

from modechat.domain.conversation import Role
from modechat.domain.notices import SHORTEN_OR_WIDEN, too_long_note
from modechat.engine.protocol import ChatPrompt, InstructPrompt
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.tokens import Vocabulary

_SHORT = 1 << 20
"""Bytes. Shorter texts are made into a prompt in any case, which counts their tokens exactly."""
_SHORTEST_LONGEST = 16
"""Bytes. Every real vocabulary has a token of this length.

So shorter texts need no search for the longest token.
"""
_PIECE = 1 << 16
_LOST_AT_A_CUT = 8
"""Tokens that each cut of a text may add, at the most."""


def refuse_what_cannot_fit(
    request: ChatPrompt | InstructPrompt, vocabulary: Vocabulary, n_ctx: int, times: int = 1
) -> None:
    """Raise WorkerFailure if the request surely has more than `times` the context's tokens."""
    n_tokens = n_ctx * times
    texts = list(_texts_that_stay(request))
    if sum(map(len, texts)) <= n_tokens:
        return
    n_bytes = sum(len(text.encode(errors="replace")) for text in texts)
    longest = 0
    if n_bytes > n_tokens * _SHORTEST_LONGEST:
        longest = vocabulary.longest
    if longest and n_bytes > n_tokens * longest:
        raise _too_long(f"at least {-(-n_bytes // longest):,}", n_ctx)
    if n_bytes <= _SHORT:
        return
    least = 0
    for text in texts:
        for start in range(0, len(text), _PIECE):
            least += max(0, vocabulary.count(text[start : start + _PIECE]) - _LOST_AT_A_CUT)
            if least > n_tokens:
                raise _too_long(f"more than {least:,}", n_ctx)


def _texts_that_stay(request: ChatPrompt | InstructPrompt) -> Iterator[str]:
    """Yield the texts that no shortening removes."""
    if isinstance(request, InstructPrompt):
        yield from (request.instruction, request.input, request.prefill, request.system)
        for example in request.examples:
            yield from (example.instruction, example.input, example.response)
        return
    *earlier, last = request.messages
    yield last.content
    for message in earlier:
        if message.pinned or message.role is Role.SYSTEM:
            yield message.content


def _too_long(counted: str, n_ctx: int) -> WorkerFailure:
    return WorkerFailure("context", too_long_note(counted, n_ctx), SHORTEN_OR_WIDEN)
