"""Saves a chat's cache on disk when the user leaves the chat, and reads it back later.

A state that cannot be read, or is of another model or other settings, counts as absent: the prompt
is evaluated.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from modechat.domain.sequences import common_prefix_length
from modechat.engine.build import installed_version
from modechat.engine.protocol import Load
from modechat.engine.saved_states import SavedState, SavedStates
from modechat.engine.worker.model import LoadedModel

_WORTH_SAVING = 256
"""Tokens; fewer tokens are evaluated in a moment."""
_WORTH_RESTORING = 64
"""Tokens that a state must have beyond those in memory."""
_SAMPLE, _SAMPLES = 1 << 16, 32
"""Bytes of a sample of a file, and the number of samples."""


class SequenceMemory(Protocol):
    """The part of the memory that saving needs."""

    def state_size(self, sequence: int) -> int:
        """Return how many bytes the state of a sequence takes on disk at most."""

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
        """`identity` names the model and the settings that a state depends on.

        `is_aborted` is asked while a file is read, which takes long on slow disks.
        """
        self._states = states
        self._memory = memory
        self._identity = identity
        self._is_aborted = is_aborted

    def save(self, label: str, sequence: int, tokens: Sequence[int], key: str) -> None:
        """Save a lane. If the disk refuses, the log says so; the loss only costs time later."""
        if len(tokens) < _WORTH_SAVING:
            return
        identity = self._identity + key
        try:
            if not self._is_saved(label, identity, tuple(tokens)):
                self._write(label, identity, sequence, tokens)
        except OSError as error:
            print(f"the evaluated conversation cannot be kept: {error}", file=sys.stderr)

    def _is_saved(self, label: str, identity: str, tokens: tuple[int, ...]) -> bool:
        for state in self._states.of(identity):
            if state.label == label and state.tokens == tokens:
                return True
        return False

    def _write(self, label: str, identity: str, sequence: int, tokens: Sequence[int]) -> None:
        path = self._states.begin(label, identity, self._memory.state_size(sequence))
        if path is None:
            return
        if self._memory.save_state(sequence, path, tokens):
            self._states.complete(label, identity, tuple(tokens))
        else:
            self._states.abandon(label, identity)

    def find(
        self, prompt: Sequence[int], key: str, more_than: int, n_ctx: int
    ) -> tuple[SavedState, int] | None:
        """Return the state that has the most of `prompt`, and how many of its tokens.

        Returns None if no state has clearly more than `more_than`. States that a context of `n_ctx`
        tokens cannot hold do not count.
        """
        try:
            states = self._states.of(self._identity + key)
        except OSError:
            return None
        best: SavedState | None = None
        most = more_than + _WORTH_RESTORING - 1
        for state in states:
            n_common = common_prefix_length(state.tokens, prompt)
            if n_common > most and len(state.tokens) <= n_ctx:
                best, most = state, n_common
        return None if best is None else (best, most)

    def check(self, state: SavedState) -> Path | None:
        """Return the state's file; None if it is damaged or gone, or reading it was aborted."""
        try:
            return self._states.path(state, self._is_aborted)
        except OSError:
            return None

    def load(self, state: SavedState, path: Path, sequence: int) -> bool:
        """Read a state into an empty sequence.

        Returns False if there is no room; then the sequence must be cleared.
        """
        return self._memory.load_state(sequence, path, state.tokens)


def _fingerprint(path: str) -> str:
    """Return a text that differs between model files, without reading the whole file."""
    with Path(path).open("rb") as file:
        status = os.fstat(file.fileno())
        sample = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        for part in range(_SAMPLES):
            file.seek(status.st_size * part // _SAMPLES)
            sample.update(file.read(_SAMPLE))
        file.seek(max(0, status.st_size - _SAMPLE))
        sample.update(file.read(_SAMPLE))
    return sample.hexdigest()


def open_saved_lanes(
    request: Load, loaded: LoadedModel, memory: SequenceMemory, is_aborted: Callable[[], bool]
) -> SavedLanes | None:
    """Return the place for lanes of this model with these settings; None if there is none."""
    if request.state_folder is None:
        return None
    states = SavedStates(Path(request.state_folder), request.state_bytes)
    attention = "flash attention" if loaded.flash_attention else "attention"
    identity = (installed_version(), _fingerprint(request.model_path), loaded.kv_type, attention)
    return SavedLanes(states, memory, "|".join(identity), is_aborted)
