"""Finds a smaller load for a model that does not fit into memory.

It has fewer layers on the GPU, then a shorter context.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from modechat.engine.llama_log import mentions_gpu
from modechat.engine.protocol import Load, ModelInfo
from modechat.models.gguf import GGUFHeader

SHORTEST_CONTEXT = 512
_DEFAULT_CONTEXT = 4096  # the least that the engine tries without other settings


@dataclass(frozen=True, slots=True)
class SmallerLoad:
    """A load that takes less memory. `words` describe it: `half the context (2,048 tokens)`."""

    load: Load
    words: str


def smaller_load(
    load: Load, wanted: Load, header: GGUFHeader | None, *, uses_gpu: bool
) -> SmallerLoad | None:
    """Return the next load to try after `load`, or None if there is nothing left.

    `wanted` is the load that the user asked for. If a GPU is in use, the first try has half of the
    layers on it, and the second none. Then each try halves the context, down to 512 tokens.
    """
    if uses_gpu and load.n_gpu_layers != 0:
        n_layers = _layers_on_gpu(load, header)
        half = n_layers // 2
        if load.n_gpu_layers == wanted.n_gpu_layers and half:
            return SmallerLoad(
                load.model_copy(update={"n_gpu_layers": half}), f"{half} of its layers on the GPU"
            )
        return SmallerLoad(
            load.model_copy(update={"n_gpu_layers": 0}), "none of its layers on the GPU"
        )
    n_ctx = load.n_ctx or min(
        (header.n_ctx_train if header else None) or _DEFAULT_CONTEXT, _DEFAULT_CONTEXT
    )
    if n_ctx <= SHORTEST_CONTEXT:
        return None
    half = max(n_ctx // 2, SHORTEST_CONTEXT)
    words = f"half the context ({half:,} tokens)" if load.n_ctx else f"a context of {half:,} tokens"
    return SmallerLoad(load.model_copy(update={"n_ctx": half}), words)


def seems_to_use_gpu(model: ModelInfo | None, log: Iterable[str]) -> bool:
    """Return True if layers are on a GPU, by the last loaded model, or else by the engine's log."""
    if model is not None:
        return model.placement.n_gpu_layers > 0
    return mentions_gpu(log)


def _layers_on_gpu(load: Load, header: GGUFHeader | None) -> int:
    """Return the most layers that the GPU can have; 0: not known.

    llama.cpp counts the output as a layer.
    """
    blocks = (
        header.metadata.get(f"{header.architecture}.block_count") if header is not None else None
    )
    in_all = blocks + 1 if isinstance(blocks, int) else 0
    if load.n_gpu_layers is None:
        return in_all
    return min(load.n_gpu_layers, in_all) if in_all else load.n_gpu_layers
