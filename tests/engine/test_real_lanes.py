"""The promise about long conversations, with the real model: a turn costs only what is new."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.bench_lanes import TARGET, measure


@pytest.mark.real_model
async def test_in_a_conversation_of_fifty_turns_hardly_a_token_is_evaluated_twice(
    starter: Path,
) -> None:
    assert await measure(starter, n_words=3, n_reply_tokens=2) <= TARGET
