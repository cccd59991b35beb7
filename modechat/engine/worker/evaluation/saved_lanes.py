"""Lanes that outlive the program: the chat's cache is written to disk when it is left, and read when it is resumed.

What cannot be read, or is not of this model with these settings, is as good as absent: the prompt is evaluated.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from modechat.domain.sequences import common_prefix_length
from modechat.engine.saved_states import SavedState, SavedStates

_WORTH_SAVING = 256  # tokens; fewer are evaluated in a moment
_WORTH_RESTORING = 64  # tokens more than memory has
_SAMPLE, _SAMPLES = 1 << 16, 32  # bytes of each


class SequenceMemory(Protocol):
    """What saving needs of the memory."""

    def state_size(self, sequence: int) -> int:
        """Bytes that the state of a sequence takes on disk, at most."""

    def save_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool: ...

    def load_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool: ...


class SavedLanes:
    def __init__(
        self,
        states: SavedStates,
        memory: SequenceMemory,
        identity: str,
        is_aborted: Callable[[], bool],
    ) -> None:
        """`identity` names the model and the settings that a state depends on. `is_aborted` is asked while a file is
        read, which takes long on slow disks."""
        self._states = states
        self._memory = memory
        self._identity = identity
        self._is_aborted = is_aborted

    def save(self, label: str, sequence: int, tokens: Sequence[int], key: str) -> None:
        """Keep a lane. Where the disk refuses, that costs time later, nothing else: it goes into the log."""
        if len(tokens) < _WORTH_SAVING:
            return
        identity = self._identity + key
        try:
            if any(
                state.label == label and state.tokens == tuple(tokens)
                for state in self._states.of(identity)
            ):
                return
            path = self._states.begin(label, identity, self._memory.state_size(sequence))
            if path is None:
                return
            if self._memory.save_state(sequence, path, tokens):
                self._states.complete(label, identity, tuple(tokens))
            else:
                self._states.abandon(label, identity)
        except OSError as error:
            print(f"the evaluated conversation cannot be kept: {error}", file=sys.stderr)

    def find(
        self, prompt: Sequence[int], key: str, more_than: int, n_ctx: int
    ) -> tuple[SavedState, int] | None:
        """The state that has most of `prompt`, and how many tokens of it; None if none has clearly more than
        `more_than`. States that a context of `n_ctx` tokens cannot hold do not count."""
        try:
            states = self._states.of(self._identity + key)
        except OSError:
            return None
        found = [
            (state, common_prefix_length(state.tokens, prompt))
            for state in states
            if len(state.tokens) <= n_ctx
        ]
        best = max(found, key=lambda pair: pair[1], default=None)
        return best if best is not None and best[1] >= more_than + _WORTH_RESTORING else None

    def check(self, state: SavedState) -> Path | None:
        """The state's file; None if it is damaged or gone, or reading it was aborted."""
        try:
            return self._states.path(state, self._is_aborted)
        except OSError:
            return None

    def load(self, state: SavedState, path: Path, sequence: int) -> bool:
        """Read a state into an empty sequence. False: there is no room; what was read is to be cleared."""
        return self._memory.load_state(sequence, path, state.tokens)


def fingerprint(path: str) -> str:
    """Tells model files apart without reading all of them: by size, time of change, and samples from all over."""
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        sample = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        for part in range(_SAMPLES):
            file.seek(status.st_size * part // _SAMPLES)
            sample.update(file.read(_SAMPLE))
        file.seek(max(0, status.st_size - _SAMPLE))
        sample.update(file.read(_SAMPLE))
    return sample.hexdigest()
