"""Devices as ggml lists them on real machines, and models by their sizes, for tests of plans."""

from __future__ import annotations

from modechat.engine.worker.loading.model_sizes import ContextShape, LayerSizes, ModelSizes
from modechat.engine.worker.loading.offload import Device

MIB, GIB = 1 << 20, 1 << 30
SHAPE = ContextShape("f16", n_sequences=4, n_ubatch=512, n_outputs=32, flash_attention=True)


def gpu(name: str, free_gib: float, total_gib: float | None = None) -> Device:
    total = free_gib if total_gib is None else total_gib
    return Device(
        name,
        "a GPU",
        name.rstrip("0123456789"),
        "gpu",
        int(free_gib * GIB),
        int(total * GIB),
        id=name,
    )


def integrated(name: str, free_gib: float) -> Device:
    return Device(
        name,
        "a GPU in the CPU",
        "Vulkan",
        "integrated",
        int(free_gib * GIB),
        int(free_gib * GIB),
        True,
    )


def metal(free_gib: float) -> Device:
    """Apple's GPUs call themselves discrete, but share the system's memory."""
    return Device(
        "MTL0",
        "Apple M2",
        "MTL",
        "gpu",
        int(free_gib * GIB),
        int(free_gib * GIB),
        shares_memory=True,
    )


CPU = Device("CPU", "a CPU", "CPU", "cpu", 32 * GIB, 32 * GIB, shares_memory=True)


def model(
    n_layers: int,
    layer_mib: float,
    *,
    kv_values: int = 2048,
    output_mib: float = 400,
    n_ctx_train: int = 131_072,
) -> ModelSizes:
    layer = LayerSizes(int(layer_mib * MIB), kv_values, is_windowed=False, state_bytes=0)
    return ModelSizes(
        layers=(layer,) * n_layers,
        input_bytes=int(output_mib * MIB),
        output_bytes=int(output_mib * MIB),
        tied_bytes=0,
        n_ctx_train=n_ctx_train,
        n_window=0,
        n_vocab=128_256,
        n_embd=4096,
        n_ff=14_336,
        n_head=32,
    )


LLAMA_8B = model(32, 125)
"""Q4_K_M: 4.6 GiB, 128 KiB of KV cache a token."""
LLAMA_70B = model(80, 495)
"""Q4_K_M: 39.5 GiB."""
