"""Holds the tokens of a vocabulary with their logits, as llama.cpp's samplers take them."""

from __future__ import annotations

import ctypes
from array import array

from modechat.engine.worker.bindings import llama

_SIZE = ctypes.sizeof(llama.llama_token_data)
_FIELDS = _SIZE // ctypes.sizeof(ctypes.c_float)  # all fields have this size
IMPOSSIBLE = float("-inf")
"""The logit of a token that may not be chosen."""


class Candidates:
    """All tokens of a vocabulary.

    Samplers sort and cut them, so they are filled anew for each choice, without a loop in Python.
    """

    def __init__(self, n_vocab: int) -> None:
        self._n_vocab = n_vocab
        self._data = (llama.llama_token_data * n_vocab)()
        memory = memoryview(self._data).cast("B")
        self._ids = memory.cast("i")[0::_FIELDS]
        self._logits = memory.cast("f")[1::_FIELDS]
        self._ids[:] = memoryview(array("i", range(n_vocab)))
        self._unsorted = bytes(self._data)
        self.array = llama.llama_token_data_array(self._data, n_vocab, -1, False)

    def fill(self, context: llama.llama_context_p, index: int) -> None:
        """Fill in the logits of the token after this place of the last batch; -1: the last one."""
        self.clear()
        found = llama.llama_get_logits_ith(context, index)
        logits = (ctypes.c_float * self._n_vocab).from_address(ctypes.addressof(found.contents))
        self._logits[:] = memoryview(logits).cast("B").cast("f")

    def clear(self) -> None:
        """Restore all tokens in their order, each as likely as the others."""
        ctypes.memmove(self._data, self._unsorted, len(self._unsorted))
        self.array.size, self.array.selected, self.array.sorted = self._n_vocab, -1, False

    def exclude(self, token: int) -> None:
        """Make `token` impossible. Works only before a sampler has sorted the tokens."""
        self._logits[token] = IMPOSSIBLE

    def apply(self, sampler: llama.llama_sampler_p) -> tuple[int, float] | None:
        """Return the token that `sampler` chooses, with its logit; None if there is none."""
        llama.llama_sampler_apply(sampler, ctypes.byref(self.array))
        selected = self.array.selected
        if not 0 <= selected < self.array.size:
            return None
        return self._ids[selected], self._logits[selected]

    def possible(self) -> list[int]:
        """Return the tokens that are not impossible.

        Works only before a sampler has sorted them.
        """
        return [token for token, logit in enumerate(self._logits) if logit != IMPOSSIBLE]
