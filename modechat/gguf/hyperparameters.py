"""Reads the numbers in a model's header that describe its layers.

Files come from strangers and may hold any number, so counts are kept within bounds. Source:
llama-hparams.cpp of llama.cpp in llama-cpp-python 0.3.36.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from modechat.gguf.walker import Value

_MOST = 1 << 32
_MOST_LAYERS = 1 << 12


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Looks up counts under the architecture's own keys."""

    architecture: str
    metadata: Mapping[str, Value]

    @property
    def n_layers(self) -> int:
        """The number of layers, at least one."""
        return min(max(self.number("block_count"), 1), _MOST_LAYERS)

    def number(self, key: str, default: int = 0) -> int:
        """Return the count under `key`; the default if the file has none, or no whole number."""
        return _count(self.metadata.get(f"{self.architecture}.{key}", default), default)

    def numbers(self, key: str, n_layers: int, default: int) -> tuple[int, ...]:
        """Return a count for each layer. A file has one count for all layers, or one for each."""
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        if not isinstance(value, tuple):
            return (_count(value, default),) * n_layers
        counts = tuple(_count(number, default) for number in value[:n_layers])
        return counts + (default,) * (n_layers - len(counts))

    def kv_values(self, n_layers: int) -> list[int]:
        """Return how many values a token has in the KV cache of each layer; 0: no cache."""
        n_head = max(self.numbers("attention.head_count", n_layers, 0), default=0)
        kv_heads = self.numbers("attention.head_count_kv", n_layers, n_head)
        head_size = self.number("embedding_length") // n_head if n_head else 0
        per_head = self._kv_values_per_head(head_size)
        interval = self.number("full_attention_interval", 1) or 1
        n_with_own = n_layers - self.number("attention.shared_kv_layers")
        values = []
        for index, count in enumerate(kv_heads):
            has_cache = (index + 1) % interval == 0 and index < n_with_own
            values.append(count * per_head if has_cache else 0)
        return values

    def _kv_values_per_head(self, head_size: int) -> int:
        key = self.number("attention.key_length", head_size)
        key = max(key, self.number("attention.key_length_swa"))
        if self.number("attention.key_length_mla"):
            return key  # latent attention keeps one vector for both
        value = self.number("attention.value_length", head_size)
        return key + max(value, self.number("attention.value_length_swa"))


def _count(value: Value, default: int) -> int:
    return min(max(value, 0), _MOST) if type(value) is int else default
