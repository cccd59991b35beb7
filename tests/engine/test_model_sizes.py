"""Sizes from a model's header: what each layer has in the KV cache, for attention of all kinds."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from modechat.domain.kv_types import KV_TYPES
from modechat.engine.worker.loading.model_sizes import (
    ContextShape,
    ModelSizes,
    bytes_per_value,
    sizes_of,
)
from modechat.gguf.hyperparameters import Hyperparameters
from modechat.gguf.layout import ModelLayout

SHAPE = ContextShape("f16", n_sequences=4, n_ubatch=512, n_outputs=32, flash_attention=True)
PLAIN = {
    "block_count": 4,
    "embedding_length": 2048,
    "attention.head_count": 16,
    "attention.head_count_kv": 4,
    "context_length": 32_768,
}
TENSORS = {f"blk.{layer}.attn_q.weight": 1000 + layer for layer in range(4)} | {
    "token_embd.weight": 500,
    "output_norm.weight": 7,
    "output.weight": 600,
}


def sizes(
    architecture: str = "llama", tensors: dict[str, int] = TENSORS, **changes: Any
) -> ModelSizes:
    metadata = {f"{architecture}.{key}": value for key, value in (PLAIN | changes).items()}
    return sizes_of(ModelLayout(Hyperparameters(architecture, metadata), 128_256, tensors))


def kv_values(found: ModelSizes) -> list[int]:
    return [layer.kv_values for layer in found.layers]


def windowed(found: ModelSizes) -> list[bool]:
    return [layer.is_windowed for layer in found.layers]


def test_weights_are_counted_where_they_are() -> None:
    found = sizes()
    assert [layer.weight_bytes for layer in found.layers] == [1000, 1001, 1002, 1003]
    assert (found.input_bytes, found.output_bytes, found.weight_bytes) == (
        500,
        607,
        4006 + 500 + 607,
    )


def test_embeddings_that_are_the_output_layer_too_are_on_both_devices_and_once_in_the_file() -> (
    None
):
    found = sizes(tensors={name: size for name, size in TENSORS.items() if name != "output.weight"})
    assert (found.input_bytes, found.output_bytes, found.weight_bytes) == (500, 507, 4006 + 500 + 7)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [1024] * 4),
        ({"attention.head_count_kv": (4, 0, 2, 0)}, [1024, 0, 512, 0]),
        ({"attention.key_length": 256, "attention.value_length": 128}, [4 * 384] * 4),
        ({"attention.shared_kv_layers": 3}, [1024, 0, 0, 0]),
        ({"full_attention_interval": 4}, [0, 0, 0, 1024]),
        (
            {
                "attention.head_count_kv": 1,
                "attention.key_length": 576,
                "attention.value_length": 512,
                "attention.key_length_mla": 192,
            },
            [576] * 4,
        ),
        ({"attention.head_count": 0, "attention.head_count_kv": 0}, [0] * 4),
    ],
)
def test_each_layer_keeps_what_its_heads_need(changes: dict[str, Any], expected: list[int]) -> None:
    assert kv_values(sizes(**changes)) == expected


@pytest.mark.parametrize(
    ("architecture", "changes", "expected"),
    [
        ("llama", {}, [False] * 4),
        ("gpt-oss", {"attention.sliding_window": 128}, [True, False, True, False]),
        ("nonesuch", {"attention.sliding_window": 128}, [False] * 4),
        (
            "nonesuch",
            {"attention.sliding_window": 128, "attention.sliding_window_pattern": 3},
            [True, True, False, True],
        ),
        (
            "gemma4",
            {
                "attention.sliding_window": 512,
                "attention.sliding_window_pattern": (True, True, True, False),
            },
            [True, True, True, False],
        ),
    ],
)
def test_sliding_windows_are_recognised_where_the_file_or_the_architecture_tells(
    architecture: str, changes: dict[str, Any], expected: list[bool]
) -> None:
    assert windowed(sizes(architecture, **changes)) == expected


def test_a_sliding_window_bounds_what_a_layer_keeps() -> None:
    window: dict[str, Any] = {"attention.sliding_window": 128}
    found = sizes("gpt-oss", **window)
    a_token = 1024 * 2
    assert found.kv_bytes(32_768, SHAPE) == 2 * a_token * (32_768 + 1024)  # 4 × 128 + 512
    assert found.kv_bytes(256, SHAPE) == 4 * a_token * 256


def test_a_recurrent_state_has_one_size_for_any_length() -> None:
    mamba: dict[str, Any] = {
        "attention.head_count": 0,
        "ssm.inner_size": 4096,
        "ssm.state_size": 16,
        "ssm.conv_kernel": 4,
    }
    found = sizes("mamba", **mamba | {"attention.head_count_kv": 0})
    per_layer = 4 * (3 * 4096 + 4096 * 16)
    assert found.kv_bytes(256, SHAPE) == found.kv_bytes(1 << 20, SHAPE) == 4 * 4 * per_layer


def test_a_kv_type_of_fewer_bits_takes_less() -> None:
    taken = [bytes_per_value(kv_type) for kv_type in KV_TYPES]
    assert taken == sorted(taken, reverse=True)
    assert (taken[0], taken[1], taken[-1]) == (Fraction(4), Fraction(2), Fraction(18, 32))


def test_without_flash_attention_more_is_computed_at_once() -> None:
    without = ContextShape("f16", 4, 512, 32, flash_attention=False)
    found = sizes()
    assert found.compute_bytes(8192, without, with_output=True) > found.compute_bytes(
        8192, SHAPE, with_output=True
    )
    assert (
        found.compute_bytes(8192, SHAPE, with_output=True)
        - found.compute_bytes(8192, SHAPE, with_output=False)
        == 4 * 32 * 128_256
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"llama.block_count": 0},
        {"llama.block_count": 2**32 - 1},
        {"llama.block_count": -1},
        {"llama.block_count": 1.5},
        {"llama.block_count": (1, 2)},
        {"llama.attention.head_count": 2**31, "llama.attention.head_count_kv": (-1, -2)},
    ],
)
def test_a_header_that_says_little_or_nonsense_is_no_error(metadata: dict[str, Any]) -> None:
    found = sizes_of(ModelLayout(Hyperparameters("llama", metadata), 0, {"blk.7.x": 10, "y": 5}))
    assert found.weight_bytes == 15
    assert found.kv_bytes(4096, SHAPE) == 0
