"""Plans how a model is loaded: context length, layers for each device, batch size. Pure, and the user hears why.

Raises WorkerFailure, with both numbers, for what cannot fit into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from modechat.engine.protocol import Load
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.context_size import (
    ENOUGH,
    LONGEST_ON_CPU,
    LONGEST_ON_GPU,
    as_needed,
    choose_n_ctx,
    largest_fitting,
)
from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes
from modechat.engine.worker.loading.offload import (
    Device,
    Plan,
    plan_exactly,
    plan_offload,
    total_budget,
)

N_SEQUENCES = 4
"""Sequences of the KV cache: the lanes, and room for others."""
"""Most tokens of one batch whose logits are kept: llama.cpp would keep those of a whole batch, n_batch × n_vocab."""
_N_BATCH_CPU = 128  # 3 % slower than 512, and a stop loses a quarter of the work
_N_BATCH_GPU = 512
_ALL_BUT_A_REST = 0.95
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class LoadPlan:
    n_ctx: int
    offload: Plan
    shape: ContextShape
    notes: tuple[str, ...] = ()
    has_failed: bool = False
    """Whether it follows one that did not work."""

    @property
    def n_batch(self) -> int:
        return min(self.shape.n_ubatch, self.n_ctx)

    def with_fewer_layers(self, offload: Plan, reason: str) -> LoadPlan:
        """What to do after this plan failed for that reason."""
        n_ubatch = self.shape.n_ubatch if offload.n_gpu_layers else _N_BATCH_CPU
        note = (
            f"Loading with {self.offload.n_gpu_layers} of {offload.n_all} layers on the GPU failed ({reason}): "
            f"{f'with {offload.n_gpu_layers} next' if offload.n_gpu_layers else 'the CPU computes'}."
        )
        shape = replace(self.shape, n_ubatch=n_ubatch)
        return replace(
            self, offload=offload, shape=shape, notes=(*self.notes, note), has_failed=True
        )


def plan_load(
    request: Load, sizes: ModelSizes, devices: Sequence[Device], system_free: int
) -> LoadPlan:
    """`devices` are those to offload to, in order; `system_free` is the system's free memory in bytes."""
    on_cpu = ContextShape(
        request.kv_type, N_SEQUENCES, _N_BATCH_CPU, MOST_OUTPUTS, request.flash_attention != "off"
    )
    notes: tuple[str, ...] = ()
    if devices and request.n_gpu_layers != 0:
        plan = _plan_on_gpu(
            request, sizes, devices, system_free, replace(on_cpu, n_ubatch=_N_BATCH_GPU)
        )
        if plan.offload.n_gpu_layers:
            return plan
        notes = plan.notes
    return _plan_on_cpu(request, sizes, system_free, on_cpu, notes)


def _plan_on_gpu(
    request: Load,
    sizes: ModelSizes,
    devices: Sequence[Device],
    system_free: int,
    shape: ContextShape,
) -> LoadPlan:
    room = total_budget(devices, system_free)
    chosen = _n_ctx_on_gpu(request, sizes, room, system_free, shape)
    n_ctx = request.n_ctx or as_needed(chosen, request.n_ctx_needed)
    if request.n_gpu_layers is None:
        offload = plan_offload(sizes, n_ctx, shape, devices, system_free)
    else:
        offload = plan_exactly(request.n_gpu_layers, sizes, n_ctx, shape, devices, system_free)
    notes = _offload_notes(offload, devices) if request.n_gpu_layers is None else ()
    if request.n_ctx is None and offload.is_whole:
        notes += _shortened_notes(chosen, sizes.n_ctx_train, LONGEST_ON_GPU, n_ctx)
    if not offload.is_whole:
        n_left_out = offload.n_all - offload.n_gpu_layers
        left = sum(sizes.layer_kv_bytes(layer, n_ctx, shape) for layer in sizes.layers[:n_left_out])
        _refuse_what_does_not_fit(left, n_ctx, sizes, shape, system_free)
    return LoadPlan(n_ctx, offload, shape, notes)


def _n_ctx_on_gpu(
    request: Load, sizes: ModelSizes, room: int, system_free: int, shape: ContextShape
) -> int:
    def kv_bytes(n_ctx: int) -> int:
        return sizes.kv_bytes(n_ctx, shape)

    if request.n_gpu_layers is not None and request.n_gpu_layers <= len(sizes.layers):
        # The user leaves layers to the CPU: the context must suit it, whatever the GPU has.
        return choose_n_ctx(
            kv_bytes, sizes.n_ctx_train, max(system_free - sizes.weight_bytes, 0), LONGEST_ON_CPU
        )
    left = room - sizes.weight_bytes - sizes.compute_bytes(ENOUGH, shape, with_output=True)
    if left <= 0:  # not all layers fit, and every token of context takes the place of some
        return min(sizes.n_ctx_train or ENOUGH, ENOUGH)
    return choose_n_ctx(kv_bytes, sizes.n_ctx_train, left, LONGEST_ON_GPU)


def _plan_on_cpu(
    request: Load, sizes: ModelSizes, system_free: int, shape: ContextShape, notes: tuple[str, ...]
) -> LoadPlan:
    weights = sizes.weight_bytes
    must_stay = request.mlock or not request.mmap
    if must_stay and weights > system_free * _ALL_BUT_A_REST:
        raise WorkerFailure(
            "model",
            f"The model needs {weights / _GIB:.1f} GiB of memory; {system_free / _GIB:.1f} GiB are free",
            "Choose a smaller model or quantization, or let the system map the file: mmap = true and mlock = false "
            "in the config file.",
        )
    left = max(system_free - weights, 0)
    n_ctx = request.n_ctx
    if n_ctx is None:
        chosen = choose_n_ctx(
            lambda n: sizes.kv_bytes(n, shape), sizes.n_ctx_train, left, LONGEST_ON_CPU
        )
        n_ctx = as_needed(chosen, request.n_ctx_needed)
        notes += _shortened_notes(chosen, sizes.n_ctx_train, LONGEST_ON_CPU, n_ctx)
    # A mapped file's pages make room for the cache, if slowly.
    free = left if must_stay else system_free
    _refuse_what_does_not_fit(sizes.kv_bytes(n_ctx, shape), n_ctx, sizes, shape, free)
    if weights > system_free:
        sizes_shown = f"{weights / _GIB:.1f} GiB) is larger than the free memory ({system_free / _GIB:.1f} GiB)"
        notes += (
            f"The model ({sizes_shown}: it is read from disk again and again, which is slow.",
        )
    return LoadPlan(n_ctx, Plan((), len(sizes.layers) + 1), shape, notes)


def _refuse_what_does_not_fit(
    needed: int, n_ctx: int, sizes: ModelSizes, shape: ContextShape, free: int
) -> None:
    """Refuse a KV cache that does not fit: the system would kill the worker while it fills the cache."""
    if needed <= free * _ALL_BUT_A_REST:
        return
    most = min(n_ctx, sizes.n_ctx_train or ENOUGH)
    fits = largest_fitting(lambda n: sizes.kv_bytes(n, shape), 256, most, 256, int(free * 0.8))
    raise WorkerFailure(
        "model",
        f"A context of {n_ctx:,} tokens needs {needed / _GIB:.1f} GiB of memory; {free / _GIB:.1f} GiB are free",
        f"Choose a smaller one: --ctx {fits}, or store it with less precision: --kv-type q8_0.",
    )


def _offload_notes(offload: Plan, devices: Sequence[Device]) -> tuple[str, ...]:
    if offload.is_whole:
        return ()
    free = f"{sum(device.free_bytes for device in devices) / _GIB:.1f} GiB of free GPU memory"
    if not offload.n_gpu_layers:
        return (f"No layer fits into the {free}: the CPU computes.",)
    return (
        f"{offload.n_gpu_layers} of {offload.n_all} layers fit into the {free}; the CPU computes the others.",
    )


def _shortened_notes(chosen: int, n_ctx_train: int, longest: int, n_ctx: int) -> tuple[str, ...]:
    """What to say if memory allowed no more than the `chosen` length, and no shorter one was enough."""
    if chosen >= min(n_ctx_train or ENOUGH, longest) or n_ctx < chosen:
        return ()
    note = (
        f"The context holds {chosen:,} tokens, not the {n_ctx_train:,} that the model was trained for: there is not "
        "more free memory. --ctx N chooses another length."
    )
    return (note,)
