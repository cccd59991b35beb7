"""Keeps checkpoints: copies of states that a memory overwrites, to come back to.

Recurrent states and sliding windows cannot be cut. A checkpoint keeps them as they were after some
tokens; the memory itself keeps the rest of what it holds of these tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.memory import Memory

_BYTES = 256 << 20
_COUNT = 64


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state after `tokens`."""

    tokens: tuple[int, ...]
    key: str
    state: bytes

    @property
    def n_tokens(self) -> int:
        return len(self.tokens)


class Checkpoints:
    """Keeps the checkpoints that were used last, in 256 MiB together at most."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept: list[Checkpoint] = []
        """The least recently used one first."""

    def add(self, sequence: int, tokens: Sequence[int], key: str) -> None:
        """Keep the state of a sequence that holds `tokens`."""
        state = self._memory.partial_state(sequence)
        if state is None or len(state) > _BYTES:
            return
        checkpoint = Checkpoint(tuple(tokens), key, state)
        for kept in self._kept:
            if (kept.tokens, kept.key) == (checkpoint.tokens, key):
                self._kept.remove(kept)
                break
        self._kept.append(checkpoint)
        while len(self._kept) > _COUNT or self._size > _BYTES:
            del self._kept[0]

    @property
    def _size(self) -> int:
        return sum(len(kept.state) for kept in self._kept)

    def newest(self, tokens: Sequence[int], key: str) -> Checkpoint | None:
        """Return the checkpoint after the longest beginning of `tokens`; None if there is none."""
        newest: Checkpoint | None = None
        for kept in self._kept:
            if newest is not None and kept.n_tokens <= newest.n_tokens:
                continue
            if kept.key == key and common_prefix_length(kept.tokens, tokens) == kept.n_tokens:
                newest = kept
        return newest

    def restore(self, checkpoint: Checkpoint, sequence: int) -> bool:
        """Put the state back into a sequence that still holds the rest of the checkpoint's tokens.

        Returns False if llama.cpp refuses.
        """
        self._kept.remove(checkpoint)
        self._kept.append(checkpoint)
        return self._memory.set_partial_state(sequence, checkpoint.state)
