"""Checkpoints: copies of what a memory loses while it goes on, to come back to.

Recurrent states and sliding windows cannot be cut. A checkpoint keeps them as they were after some tokens; what else
the memory holds of these tokens is still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from modechat.domain.sequences import common_prefix_length

_BYTES = 256 << 20
_COUNT = 64


class StateMemory(Protocol):
    """What checkpoints need of the memory."""

    def partial_state(self, sequence: int) -> bytes | None: ...

    def set_partial_state(self, sequence: int, state: bytes) -> bool: ...


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
    """Keeps those used last, within a limit of `n_bytes`."""

    def __init__(self, memory: StateMemory, n_bytes: int = _BYTES) -> None:
        self._memory = memory
        self._n_bytes = n_bytes
        self._kept: list[Checkpoint] = []
        """The least recently used one first."""

    def take(self, sequence: int, tokens: Sequence[int], key: str) -> None:
        """Keep the state of a sequence that holds `tokens`."""
        state = self._memory.partial_state(sequence)
        if state is None or len(state) > self._n_bytes:
            return
        checkpoint = Checkpoint(tuple(tokens), key, state)
        self._kept = [
            kept for kept in self._kept if (kept.tokens, kept.key) != (checkpoint.tokens, key)
        ]
        self._kept.append(checkpoint)
        while (
            len(self._kept) > _COUNT or sum(len(kept.state) for kept in self._kept) > self._n_bytes
        ):
            del self._kept[0]

    def newest(self, tokens: Sequence[int], key: str) -> Checkpoint | None:
        """The checkpoint after the most of `tokens`."""
        fitting = [
            kept
            for kept in self._kept
            if kept.key == key and common_prefix_length(kept.tokens, tokens) == kept.n_tokens
        ]
        return max(fitting, key=lambda kept: kept.n_tokens, default=None)

    def restore(self, checkpoint: Checkpoint, sequence: int) -> bool:
        """Bring the state back into a sequence that still holds all else of the checkpoint's tokens."""
        self._kept.remove(checkpoint)
        self._kept.append(checkpoint)
        return self._memory.set_partial_state(sequence, checkpoint.state)
