"""Filling llama.cpp's batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def fill_batch(batch: Any, tokens: Sequence[int], position: int, sequence: int) -> None:
    """Put `tokens` at `position` and after in one sequence into a `llama_batch` that has room for them.

    The result of the last one can be sampled from.
    """
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = 0
    batch.logits[len(tokens) - 1] = 1
