"""How much memory the parts of a model take, from what its file says: weights, KV cache and buffers, layer by layer.

Estimates for planning, rather too high than too low; what was really allocated is known when it is loaded.
Sources: llama-hparams.cpp, llama-kv-cache*.cpp and llama-memory-recurrent.cpp of llama.cpp in llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from modechat.engine.protocol import KVType
from modechat.engine.worker.loading.gguf_file import GGUFContents

KV_BYTES: dict[KVType, Fraction] = {
    "f32": Fraction(4),
    "f16": Fraction(2),
    "bf16": Fraction(2),
    "q8_0": Fraction(34, 32),
    "q5_1": Fraction(24, 32),
    "q5_0": Fraction(22, 32),
    "q4_1": Fraction(20, 32),
    "q4_0": Fraction(18, 32),
}
"""Bytes of one value."""

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
"""Every how many layers one has no sliding window, where that is known by the architecture and not in the file."""


@dataclass(frozen=True, slots=True)
class ContextShape:
    """What of a context decides how much memory it takes."""

    kv_type: KVType
    n_sequences: int
    n_ubatch: int
    n_outputs: int
    """Most tokens of a batch whose logits are wanted."""
    flash_attention: bool


@dataclass(frozen=True, slots=True)
class LayerSizes:
    weight_bytes: int
    kv_values: int
    """In the KV cache, per token."""
    is_windowed: bool
    state_bytes: int
    """Of a recurrent layer, per sequence."""


@dataclass(frozen=True, slots=True)
class ModelSizes:
    layers: tuple[LayerSizes, ...]
    input_bytes: int
    """The token embeddings, which stay on the host."""
    output_bytes: int
    """Its share of the token embeddings too, where those are the output layer once more."""
    tied_bytes: int
    """That share: nothing of the file is there twice."""
    n_ctx_train: int
    """0: the file does not say."""
    n_window: int
    n_vocab: int
    n_embd: int
    n_ff: int
    n_head: int

    @property
    def weight_bytes(self) -> int:
        """All of the file's tensors."""
        layers = sum(layer.weight_bytes for layer in self.layers)
        return self.input_bytes + self.output_bytes - self.tied_bytes + layers

    def layer_kv_bytes(self, layer: LayerSizes, n_ctx: int, shape: ContextShape) -> int:
        """KV cache and recurrent state of a layer."""
        n_cells = n_ctx
        if layer.is_windowed:
            window = self.n_window * shape.n_sequences + shape.n_ubatch
            n_cells = min(n_ctx, window + -window % _PADDING)
        values = layer.kv_values * n_cells * KV_BYTES[shape.kv_type]
        return int(values) + layer.state_bytes * shape.n_sequences

    def kv_bytes(self, n_ctx: int, shape: ContextShape) -> int:
        return sum(self.layer_kv_bytes(layer, n_ctx, shape) for layer in self.layers)

    def compute_bytes(self, n_ctx: int, shape: ContextShape, *, with_output: bool) -> int:
        """The buffer for what is computed, on one device."""
        activations = 6 * self.n_embd + 3 * self.n_ff
        # The mask has two bytes for each token and cell, four times where several devices work in a pipeline.
        mask = 2 * n_ctx if shape.flash_attention else (1 + self.n_head) * n_ctx
        logits = shape.n_outputs * self.n_vocab if with_output else 0
        return _FLOAT * (shape.n_ubatch * (activations + mask) + logits)


def sizes_of(file: GGUFContents) -> ModelSizes:
    """From a model's header. Keys that are missing count as llama.cpp's defaults."""
    n_layers = max(
        min(file.number("block_count"), len(file.tensor_bytes)), 1
    )  # a file may say any number
    n_head = max(file.numbers("attention.head_count", n_layers, 0), default=0)
    weights = [0] * n_layers
    input_bytes = output_bytes = 0
    for name, size in file.tensor_bytes.items():
        layer = _LAYER.search(name)
        if layer and int(layer[1]) < n_layers:
            weights[int(layer[1])] += size
        elif name.startswith(_INPUT):
            input_bytes += size
        else:
            output_bytes += size
    tied_bytes = 0 if "output.weight" in file.tensor_bytes else input_bytes
    values, windowed, states = (
        _kv_values(file, n_layers),
        _windowed(file, n_layers),
        _state_bytes(file, n_layers),
    )
    return ModelSizes(
        layers=tuple(
            LayerSizes(*sizes) for sizes in zip(weights, values, windowed, states, strict=True)
        ),
        input_bytes=input_bytes,
        output_bytes=output_bytes + tied_bytes,
        tied_bytes=tied_bytes,
        n_ctx_train=file.number("context_length"),
        n_window=file.number("attention.sliding_window"),
        n_vocab=file.n_vocab or file.number("vocab_size"),
        n_embd=file.number("embedding_length"),
        n_ff=max(file.numbers("feed_forward_length", n_layers, 0), default=0),
        n_head=n_head,
    )


def _kv_values(file: GGUFContents, n_layers: int) -> list[int]:
    """How many values a token has in the KV cache of each layer; 0: the layer has none."""
    heads = file.numbers("attention.head_count", n_layers, 0)
    n_head = max(heads, default=0)
    kv_heads = file.numbers("attention.head_count_kv", n_layers, n_head)
    head_size = file.number("embedding_length") // n_head if n_head else 0
    key = max(
        file.number("attention.key_length", head_size), file.number("attention.key_length_swa")
    )
    value = max(
        file.number("attention.value_length", head_size), file.number("attention.value_length_swa")
    )
    if file.number("attention.key_length_mla"):
        value = 0  # latent attention keeps one vector for both
    interval = file.number("full_attention_interval", 1) or 1
    n_with_own = n_layers - file.number("attention.shared_kv_layers")
    return [
        count * (key + value) if (index + 1) % interval == 0 and index < n_with_own else 0
        for index, count in enumerate(kv_heads)
    ]


def _windowed(file: GGUFContents, n_layers: int) -> list[bool]:
    """Which layers see a sliding window only. Where the pattern is not known, none counts as one."""
    if not file.number("attention.sliding_window"):
        return [False] * n_layers
    pattern = file.metadata.get(f"{file.architecture}.attention.sliding_window_pattern")
    if isinstance(pattern, tuple):
        return [bool(flag) for flag in pattern[:n_layers]] + [False] * (n_layers - len(pattern))
    period = pattern if isinstance(pattern, int) else _WINDOW_PERIODS.get(file.architecture, 1)
    return [index % period < period - 1 if period else True for index in range(n_layers)]


def _state_bytes(file: GGUFContents, n_layers: int) -> list[int]:
    """The state of recurrent models (Mamba, RWKV), which has one size for any length of text."""
    n_embd, n_inner = file.number("embedding_length"), file.number("ssm.inner_size")
    n_state, n_group = file.number("ssm.state_size"), file.number("ssm.group_count")
    convolution = max(file.number("ssm.conv_kernel") - 1, 0) * (n_inner + 2 * n_group * n_state)
    rwkv = n_embd * (file.number("wkv.head_size") + 2) if file.number("wkv.head_size") else 0
    return [_FLOAT * (convolution + n_inner * n_state + rwkv)] * n_layers
