"""Filling llama.cpp's batches."""

from __future__ import annotations

from collections.abc import Sequence

from modechat.engine.worker.bindings import llama


def fill_batch(batch: llama.llama_batch, tokens: Sequence[int], position: int, sequence: int) -> None:
    """`tokens` at `position` and after in one sequence; the result of the last one will be sampled from."""
    batch.n_tokens = len(tokens)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = 0
    batch.logits[len(tokens) - 1] = 1
