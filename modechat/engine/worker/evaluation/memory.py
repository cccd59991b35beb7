"""Decodes, cuts, copies and moves sequences in llama.cpp's memory of one context.

Knows the abilities of each kind of memory. Ordinary KV caches can be cut and shared anywhere.
Sliding windows have lost the tokens before the window, and recurrent states are one value that
cannot be taken apart.
"""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.threads import DECODED, DecodeThreads

_QUICK = 0.025
"""Seconds. A token that takes less is never aborted: a stop comes before the next one."""


class Memory:
    """The memory of `context`. Positions count tokens from 0."""

    def __init__(
        self,
        model: llama.llama_model_p,
        context: llama.llama_context_p,
        n_ctx: int,
        n_batch: int,
        threads: DecodeThreads,
        abort: Any = None,
    ) -> None:
        """`abort` is the context's abort callback.

        llama.cpp calls it hundreds of times in each decode, so it is removed if a decode takes only
        a moment.
        """
        memory = llama.llama_get_memory(context)
        assert memory is not None  # models without memory are not loaded
        self.context = context
        self.n_ctx = n_ctx
        self.n_batch = n_batch
        self.n_sequences = int(llama.llama_n_seq_max(context))
        self.batch: Any = llama.llama_batch_init(n_batch, 0, 1)
        self._memory = memory
        self._threads = threads
        self._abort = abort
        self._is_abortable = abort is not None
        self._seconds_of_a_token = _QUICK
        self._window = int(llama.llama_model_n_swa(model))
        self._is_one_state = bool(
            llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model)
        )

    def close(self) -> None:
        llama.llama_batch_free(self.batch)

    @property
    def can_be_cut(self) -> bool:
        """True if a sequence can be cut after any number of tokens."""
        return not (self._window or self._is_one_state)

    @property
    def can_take_back(self) -> bool:
        """True if tokens of the last batch can be taken back.

        A sliding window still has the tokens that this needs.
        """
        return not self._is_one_state

    @property
    def can_branch(self) -> bool:
        """True if a part of a sequence can be shared with another one."""
        return not self._is_one_state

    @property
    def can_shift(self) -> bool:
        """True if tokens in the middle can be taken out, so that later ones move up."""
        return self.can_be_cut and bool(llama.llama_memory_can_shift(self._memory))

    def can_keep(self, sequence: int, count: int, length: int) -> bool:
        """Return True if the sequence can go on after the first `count` of its `length` tokens."""
        if count == length:
            return True
        if self._is_one_state:
            return False
        if not self._window:
            return True
        oldest = int(llama.llama_memory_seq_pos_min(self._memory, sequence))
        return oldest <= max(0, count - self._window)

    def keep(self, sequence: int, count: int) -> bool:
        """Keep the first `count` tokens.

        Returns False if that is not possible; then the sequence is empty.
        """
        if llama.llama_memory_seq_rm(self._memory, sequence, count, -1):
            return True
        self.clear(sequence)
        return False

    def clear(self, sequence: int) -> None:
        llama.llama_memory_seq_rm(self._memory, sequence, -1, -1)

    def copy(self, source: int, target: int, count: int) -> None:
        """Share the first `count` tokens of `source` with `target`, which is empty."""
        llama.llama_memory_seq_cp(self._memory, source, target, 0, count)

    def take_out(self, sequence: int, start: int, end: int) -> None:
        """Take out the tokens from `start` to before `end`; those that follow move up."""
        llama.llama_memory_seq_rm(self._memory, sequence, start, end)
        llama.llama_memory_seq_add(self._memory, sequence, end, -1, start - end)

    def decode(self) -> int:
        """Evaluate the batch; return the result of `DecodeThreads.run`."""
        n_tokens: int = self.batch.n_tokens
        self._set_abortable(n_tokens > 1 or self._seconds_of_a_token >= _QUICK)
        started = time.perf_counter()
        result = int(self._threads.run(llama.llama_decode, self.batch))
        if result == DECODED and n_tokens == 1:
            self._seconds_of_a_token = time.perf_counter() - started
        return result

    def _set_abortable(self, is_abortable: bool) -> None:
        if self._abort is not None and is_abortable is not self._is_abortable:
            callback = self._abort if is_abortable else llama.ggml_abort_callback(0)
            llama.llama_set_abort_callback(self.context, callback, None)
            self._is_abortable = is_abortable

    def partial_state(self, sequence: int) -> bytes | None:
        """Return the state that the memory will overwrite: the recurrent state, the sliding window.

        Returns None if llama.cpp refuses.
        """
        flags = llama.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        size = llama.llama_state_seq_get_size_ext(self.context, sequence, flags)
        buffer = (ctypes.c_uint8 * size)()
        written = llama.llama_state_seq_get_data_ext(self.context, buffer, size, sequence, flags)
        return bytes(buffer) if written == size else None

    def set_partial_state(self, sequence: int, state: bytes) -> bool:
        """Put a state back; then the tokens after it must be cut.

        Returns False if llama.cpp refuses.
        """
        flags = llama.LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY
        buffer = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        return bool(
            llama.llama_state_seq_set_data_ext(self.context, buffer, len(state), sequence, flags)
        )

    def state_size(self, sequence: int) -> int:
        return int(llama.llama_state_seq_get_size(self.context, sequence))

    def save_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool:
        """Write the whole state of a sequence into a file. Return False if that failed."""
        held = (llama.llama_token * len(tokens))(*tokens)
        written = llama.llama_state_seq_save_file(
            self.context, os.fsencode(path), sequence, held, len(tokens)
        )
        return bool(written)

    def load_state(self, sequence: int, path: Path, tokens: Sequence[int]) -> bool:
        """Read the state of `tokens` into a sequence.

        Returns False if it cannot be read or is of other tokens; then the sequence must be cleared.
        """
        n_tokens = len(tokens)
        held = (llama.llama_token * n_tokens)()
        n_read = ctypes.c_size_t()
        read = llama.llama_state_seq_load_file(
            self.context, os.fsencode(path), sequence, held, n_tokens, ctypes.pointer(n_read)
        )
        return bool(read) and n_read.value == n_tokens and list(held) == list(tokens)
