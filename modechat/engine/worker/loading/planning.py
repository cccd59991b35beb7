"""Plans the load of a model: context length, layers for each device, batch size. Pure.

A plan has notes for the user on each wish that cannot be met. Raises WorkerFailure, with both
numbers, if something cannot fit into memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.context import USUAL_N_CTX
from modechat.engine.protocol import Cause, Load
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.context_size import (
    LONGEST_ON_CPU,
    LONGEST_ON_GPU,
    as_needed,
    choose_n_ctx,
    longest_safe,
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
_N_BATCH_CPU = 128
"""Tokens. This is 3 % slower than 512, but a stop loses only a quarter of the work."""
_N_BATCH_GPU = 512
_USABLE = 0.95
"""The share of the free memory that may be used."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """The plan of a load."""

    n_ctx: int
    offload: Plan
    shape: ContextShape
    notes: tuple[str, ...] = ()
    has_failed: bool = False
    """True if an earlier plan did not work."""

    @property
    def n_batch(self) -> int:
        return min(self.shape.n_ubatch, self.n_ctx)

    def with_fewer_layers(self, offload: Plan, reason: str) -> LoadPlan:
        """Return the plan to try after this one failed for that reason."""
        shape = self.shape
        if offload.n_gpu_layers:
            next_step = f"with {offload.n_gpu_layers} next"
        else:
            next_step = "the CPU computes"
            shape = replace(shape, n_ubatch=_N_BATCH_CPU)
        tried = f"{self.offload.n_gpu_layers} of {offload.n_all} layers on the GPU"
        note = f"Loading with {tried} failed ({reason}): {next_step}."
        notes = (*self.notes, note)
        return replace(self, offload=offload, shape=shape, notes=notes, has_failed=True)


def plan_load(
    request: Load, sizes: ModelSizes, devices: Sequence[Device], system_free: int
) -> LoadPlan:
    """Return the plan for a load.

    `devices` are those to offload to, in order; `system_free` is the system's free memory in bytes.
    """
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
        kv_bytes = sizes.kv_bytes_by_layer(n_ctx, shape)
        needed = sum(kv_bytes[:n_left_out])
        _refuse_what_does_not_fit(needed, n_ctx, sizes, shape, system_free)
    return LoadPlan(n_ctx, offload, shape, notes)


def _n_ctx_on_gpu(
    request: Load, sizes: ModelSizes, room: int, system_free: int, shape: ContextShape
) -> int:
    kv_bytes = partial(sizes.kv_bytes, shape=shape)
    if request.n_gpu_layers is not None and request.n_gpu_layers <= len(sizes.layers):
        # The user leaves layers to the CPU: the context must suit it, whatever the GPU has.
        left = max(system_free - sizes.weight_bytes, 0)
        return choose_n_ctx(kv_bytes, sizes.n_ctx_train, left, LONGEST_ON_CPU)
    left = room - sizes.weight_bytes - sizes.compute_bytes(USUAL_N_CTX, shape, with_output=True)
    if left <= 0:  # not all layers fit, and each token of context displaces some
        return min(sizes.n_ctx_train or USUAL_N_CTX, USUAL_N_CTX)
    return choose_n_ctx(kv_bytes, sizes.n_ctx_train, left, LONGEST_ON_GPU)


def _plan_on_cpu(
    request: Load, sizes: ModelSizes, system_free: int, shape: ContextShape, notes: tuple[str, ...]
) -> LoadPlan:
    weights = sizes.weight_bytes
    must_stay = request.mlock or not request.mmap
    if must_stay and weights > system_free * _USABLE:
        raise WorkerFailure(
            "model",
            f"The model needs {shown_bytes(weights)} of memory; "
            f"{shown_bytes(system_free)} are free",
            "Choose a smaller model or quantization, or let the system map the file: "
            "mmap = true and mlock = false in the config file.",
            cause=Cause.MEMORY,
        )
    left = max(system_free - weights, 0)
    n_ctx = request.n_ctx
    if n_ctx is None:
        kv_bytes = partial(sizes.kv_bytes, shape=shape)
        chosen = choose_n_ctx(kv_bytes, sizes.n_ctx_train, left, LONGEST_ON_CPU)
        n_ctx = as_needed(chosen, request.n_ctx_needed)
        notes += _shortened_notes(chosen, sizes.n_ctx_train, LONGEST_ON_CPU, n_ctx)
    # The pages of a mapped file make room for the cache, though slowly.
    free = left if must_stay else system_free
    _refuse_what_does_not_fit(sizes.kv_bytes(n_ctx, shape), n_ctx, sizes, shape, free)
    if weights > system_free:
        note = (
            f"The model ({shown_bytes(weights)}) is larger than the free memory "
            f"({shown_bytes(system_free)}): it is read from disk again and again, which is slow."
        )
        notes = (*notes, note)
    return LoadPlan(n_ctx, Plan((), len(sizes.layers) + 1), shape, notes)


def _refuse_what_does_not_fit(
    needed: int, n_ctx: int, sizes: ModelSizes, shape: ContextShape, free: int
) -> None:
    """Refuse a KV cache that does not fit: the system would kill the worker."""
    if needed <= free * _USABLE:
        return
    most = min(n_ctx, sizes.n_ctx_train or USUAL_N_CTX)
    kv_bytes = partial(sizes.kv_bytes, shape=shape)
    fits = longest_safe(kv_bytes, most, free)
    raise WorkerFailure(
        "model",
        f"A context of {n_ctx:,} tokens needs {shown_bytes(needed)} of memory; "
        f"{shown_bytes(free)} are free",
        f"Choose a smaller one: --ctx {fits}, or store it with less precision: --kv-type q8_0.",
        cause=Cause.MEMORY,
    )


def _offload_notes(offload: Plan, devices: Sequence[Device]) -> tuple[str, ...]:
    if offload.is_whole:
        return ()
    free = f"{shown_bytes(sum(device.free_bytes for device in devices))} of free GPU memory"
    if not offload.n_gpu_layers:
        return (f"No layer fits into the {free}: the CPU computes.",)
    fitting = f"{offload.n_gpu_layers} of {offload.n_all} layers fit into the {free}"
    return (f"{fitting}; the CPU computes the others.",)


def _shortened_notes(chosen: int, n_ctx_train: int, longest: int, n_ctx: int) -> tuple[str, ...]:
    """Return a note if memory allowed only the `chosen` length, though more was wanted."""
    if chosen >= min(n_ctx_train or USUAL_N_CTX, longest) or n_ctx < chosen:
        return ()
    note = (
        f"The context holds {chosen:,} tokens, not the {n_ctx_train:,} that the model was "
        "trained for: there is not more free memory. --ctx N chooses another length."
    )
    return (note,)
