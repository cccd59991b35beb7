"""Fills llama.cpp's batches."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

MOST_OUTPUTS = 32
"""The most tokens of one batch after which the next token can be sampled."""


class Logits(Enum):
    """The tokens of a batch after which the next one can be sampled."""

    LAST = "last"
    ALL = "all"


def fill_batch(
    batch: Any, tokens: Sequence[int], position: int, sequence: int, logits: Logits = Logits.LAST
) -> None:
    """Fill a `llama_batch` of sufficient size with `tokens` of a sequence, from `position` on."""
    batch.n_tokens = len(tokens)
    wanted = int(logits is Logits.ALL)
    for i, token in enumerate(tokens):
        batch.token[i] = token
        batch.pos[i] = position + i
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = sequence
        batch.logits[i] = wanted
    batch.logits[len(tokens) - 1] = 1
