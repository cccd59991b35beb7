"""The context's length: what the model was trained for, as far as memory allows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.engine.worker.loading.context_size import (
    LONGEST_ON_CPU,
    LONGEST_ON_GPU,
    as_needed,
    choose_n_ctx,
)

KIB, GIB = 1 << 10, 1 << 30


def chosen(
    n_ctx_train: int, free: float, longest: int = LONGEST_ON_CPU, kv: int = 128 * KIB
) -> int:
    return choose_n_ctx(lambda n_ctx: n_ctx * kv, n_ctx_train, int(free), longest)


@pytest.mark.parametrize(
    ("n_ctx_train", "free", "longest", "expected"),
    [
        (8192, 24 * GIB, LONGEST_ON_CPU, 8192),
        (2000, 24 * GIB, LONGEST_ON_CPU, 2000),
        (131_072, 24 * GIB, LONGEST_ON_CPU, 16_384),
        (131_072, 24 * GIB, LONGEST_ON_GPU, 32_768),
        (131_072, 6 * GIB, LONGEST_ON_CPU, 12_288),
        (131_072, 1 * GIB, LONGEST_ON_CPU, 4096),
        (131_072, 0.3 * GIB, LONGEST_ON_CPU, 1792),
        (131_072, 0, LONGEST_ON_CPU, 512),
        (256, 0, LONGEST_ON_CPU, 256),
        (0, 24 * GIB, LONGEST_ON_CPU, 4096),
    ],
)
def test_it_is_as_long_as_helps_and_fits(
    n_ctx_train: int, free: float, longest: int, expected: int
) -> None:
    assert chosen(n_ctx_train, free, longest) == expected


def test_a_model_whose_memory_has_one_size_gets_all_that_it_was_trained_for() -> None:
    assert choose_n_ctx(lambda _n_ctx: 50 << 20, 1 << 20, GIB, LONGEST_ON_CPU) == LONGEST_ON_CPU


TRAINED = st.integers(0, 1 << 20)
FREE = st.integers(0, 256 * GIB)
KV = st.integers(0, 4 << 20)


@given(TRAINED, FREE, KV, st.sampled_from((LONGEST_ON_CPU, LONGEST_ON_GPU)))
def test_it_is_never_longer_than_training_and_limit_and_long_ones_take_a_quarter_of_memory(
    n_ctx_train: int, free: int, kv: int, longest: int
) -> None:
    n_ctx = chosen(n_ctx_train, free, longest, kv)
    assert 0 < n_ctx <= min(n_ctx_train or 4096, longest)
    assert n_ctx <= 4096 or n_ctx * kv <= free // 4
    assert n_ctx <= 512 or n_ctx * kv <= free * 0.8


@given(TRAINED, FREE, FREE, KV)
def test_more_memory_never_means_a_shorter_context(
    n_ctx_train: int, free: int, more: int, kv: int
) -> None:
    assert chosen(n_ctx_train, free + more, kv=kv) >= chosen(n_ctx_train, free, kv=kv)


def test_where_less_is_needed_it_is_shorter_and_never_longer() -> None:
    assert as_needed(8192, None) == 8192
    assert as_needed(8192, 2048) == 2048
    assert as_needed(1024, 2048) == 1024
