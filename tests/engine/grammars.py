"""Walks through grammars with a vocabulary whose tokens are the bytes themselves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.candidates import Candidates
from modechat.engine.worker.writing.grammar import Grammar

_CLOSING = frozenset(b'"}],:')


@contextmanager
def grammar(vocabulary: Vocabulary, text: str, root: str = "root") -> Iterator[Grammar]:
    found = Grammar(vocabulary, text, root)
    try:
        yield found
    finally:
        found.close()


def takes(vocabulary: Vocabulary, text: str, reply: str, root: str = "root") -> bool:
    """True if the grammar allows `reply`, and the end after it."""
    end = next(token for token in range(vocabulary.n_tokens) if vocabulary.is_end(token))
    with grammar(vocabulary, text, root) as found:
        for byte in reply.encode("utf-8", "surrogatepass"):
            if not found.allows(byte):
                return False
            found.accept(byte)
        return found.allows(end)


def random_reply(
    vocabulary: Vocabulary, text: str, chance: random.Random, longest: int
) -> str | None:
    """Write at random what the grammar allows, and end where it may; None if that is too long."""
    candidates = Candidates(vocabulary.n_tokens)
    written = bytearray()
    with grammar(vocabulary, text) as found:
        while len(written) < longest:
            candidates.clear()
            found.filter(candidates)
            possible = [token for token in candidates.possible() if found.allows(token)]
            assert possible, f"nothing can follow {written!r}"
            closing = [token for token in possible if vocabulary.is_end(token) or token in _CLOSING]
            token = chance.choice(closing if closing and chance.random() < 0.3 else possible)
            found.accept(token)
            if vocabulary.is_end(token):
                return written.decode()
            written.append(token)
    return None
