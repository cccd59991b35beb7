"""Estimates the memory that a model takes, by its header: weights, KV cache and buffers, by layer.

The estimates are for planning, rather too high than too low; llama.cpp reports the real sizes when
it has loaded.

Sources: llama-kv-cache*.cpp and llama-memory-recurrent.cpp of llama.cpp in llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from modechat.domain.kv_types import KVType
from modechat.gguf.ggml_types import TENSOR_TYPES
from modechat.gguf.hyperparameters import Hyperparameters
from modechat.gguf.layout import ModelLayout

GGML_TYPES: dict[KVType, int] = {
    "f32": 0,
    "f16": 1,
    "bf16": 30,
    "q8_0": 8,
    "q5_1": 7,
    "q5_0": 6,
    "q4_1": 3,
    "q4_0": 2,
}
"""The number of each type in ggml (ggml_type)."""
_FLOAT = 4
_LAYER = re.compile(r"(?:^|\.)blk\.(\d+)\.")
_INPUT = "token_embd"
_PADDING = 256  # tokens: sliding windows are rounded up to it
_WINDOW_PERIODS = {
    "cohere2": 4,
    "exaone4": 4,
    "gemma2": 2,
    "gemma3": 6,
    "gemma3n": 5,
    "gpt-oss": 2,
    "olmo2": 4,
}
"""By architecture: one in this many layers has no sliding window.

The files of these architectures do not say it.
"""


def bytes_per_value(kv_type: KVType) -> Fraction:
    """Return the bytes that one value takes in a KV cache of this type."""
    n_values, n_bytes = TENSOR_TYPES[GGML_TYPES[kv_type]]
    return Fraction(n_bytes, n_values)


@dataclass(frozen=True, slots=True)
class ContextShape:
    """The settings of a context that its memory depends on."""

    kv_type: KVType
    n_sequences: int
    n_ubatch: int
    n_outputs: int
    """The number of tokens of a batch that may have logits."""
    flash_attention: bool


@dataclass(frozen=True, slots=True)
class LayerSizes:
    """Sizes of one layer."""

    weight_bytes: int
    kv_values: int
    """Values that a token has in the KV cache."""
    is_windowed: bool
    state_bytes: int
    """Bytes of the state of a sequence in a recurrent layer."""


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Sizes of a model, for any context."""

    layers: tuple[LayerSizes, ...]
    input_bytes: int
    """Bytes of the token embeddings, which stay on the host."""
    output_bytes: int
    """Bytes of the output layer; with the token embeddings, if they serve as the output layer."""
    tied_bytes: int
    """Bytes of the token embeddings that are counted twice: as input and as output."""
    n_ctx_train: int
    """The context length that the model was trained with; 0: the file does not say."""
    n_window: int
    n_vocab: int
    n_embd: int
    n_ff: int
    n_head: int

    @property
    def weight_bytes(self) -> int:
        """Bytes of all tensors in the file."""
        layers = sum(layer.weight_bytes for layer in self.layers)
        return self.input_bytes + self.output_bytes - self.tied_bytes + layers

    def _kv_bytes_of(self, layer: LayerSizes, n_ctx: int, shape: ContextShape) -> int:
        n_cells = n_ctx
        if layer.is_windowed:
            window = self.n_window * shape.n_sequences + shape.n_ubatch
            n_cells = min(n_ctx, window + -window % _PADDING)
        values = layer.kv_values * n_cells * bytes_per_value(shape.kv_type)
        return int(values) + layer.state_bytes * shape.n_sequences

    def kv_bytes_by_layer(self, n_ctx: int, shape: ContextShape) -> list[int]:
        """Return the bytes that the KV cache and the recurrent state of each layer take."""
        return [self._kv_bytes_of(layer, n_ctx, shape) for layer in self.layers]

    def kv_bytes(self, n_ctx: int, shape: ContextShape) -> int:
        """Return the bytes that the KV cache and the recurrent states take together."""
        return sum(self.kv_bytes_by_layer(n_ctx, shape))

    def compute_bytes(self, n_ctx: int, shape: ContextShape, *, with_output: bool) -> int:
        """Return the size of the buffer for intermediate results on one device."""
        activations = 6 * self.n_embd + 3 * self.n_ff
        # The mask has two bytes for each token and cell, or eight if devices form a pipeline.
        mask = (2 if shape.flash_attention else 1 + self.n_head) * n_ctx
        logits = shape.n_outputs * self.n_vocab if with_output else 0
        return _FLOAT * (shape.n_ubatch * (activations + mask) + logits)


def sizes_of(layout: ModelLayout) -> ModelSizes:
    """Return the sizes of a model, by its header. Missing keys count as llama.cpp's defaults."""
    about = layout.hyperparameters
    n_layers = min(about.n_layers, max(len(layout.tensor_bytes), 1))
    weights = [0] * n_layers
    input_bytes = output_bytes = 0
    for name, size in layout.tensor_bytes.items():
        found = _LAYER.search(name)
        if found and int(found[1]) < n_layers:
            weights[int(found[1])] += size
        elif name.startswith(_INPUT):
            input_bytes += size
        else:
            output_bytes += size
    tied_bytes = 0 if "output.weight" in layout.tensor_bytes else input_bytes
    return ModelSizes(
        layers=_layers(about, weights),
        input_bytes=input_bytes,
        output_bytes=output_bytes + tied_bytes,
        tied_bytes=tied_bytes,
        n_ctx_train=about.number("context_length"),
        n_window=about.number("attention.sliding_window"),
        n_vocab=layout.n_vocab or about.number("vocab_size"),
        n_embd=about.number("embedding_length"),
        n_ff=max(about.numbers("feed_forward_length", n_layers, 0)),
        n_head=max(about.numbers("attention.head_count", n_layers, 0)),
    )


def _layers(about: Hyperparameters, weights: list[int]) -> tuple[LayerSizes, ...]:
    """Return the sizes of the layers; `weights` are the bytes of the weights of each."""
    n_layers = len(weights)
    values, windowed = about.kv_values(n_layers), _windowed(about, n_layers)
    state_bytes = _state_bytes(about)
    layers = []
    for index, weight_bytes in enumerate(weights):
        layers.append(LayerSizes(weight_bytes, values[index], windowed[index], state_bytes))
    return tuple(layers)


def _windowed(about: Hyperparameters, n_layers: int) -> list[bool]:
    """Return which layers see only a sliding window.

    If the pattern is not known, no layer does.
    """
    if not about.number("attention.sliding_window"):
        return [False] * n_layers
    pattern = about.metadata.get(f"{about.architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        return [bool(flag) for flag in pattern[:n_layers]] + [False] * (n_layers - len(pattern))
    if isinstance(pattern, int):
        period = int(pattern)
    else:
        period = _WINDOW_PERIODS.get(about.architecture, 1)
    if period == 0:
        return [True] * n_layers
    return [index % period < period - 1 for index in range(n_layers)]


def _state_bytes(about: Hyperparameters) -> int:
    """Return the bytes of a layer's state in recurrent models (Mamba, RWKV).

    The state has the same size for any length of text.
    """
    n_inner, n_state = about.number("ssm.inner_size"), about.number("ssm.state_size")
    n_channels = n_inner + 2 * about.number("ssm.group_count") * n_state
    convolution = max(about.number("ssm.conv_kernel") - 1, 0) * n_channels
    rwkv_head = about.number("wkv.head_size")
    rwkv = about.number("embedding_length") * (rwkv_head + 2) if rwkv_head else 0
    return _FLOAT * (convolution + n_inner * n_state + rwkv)
