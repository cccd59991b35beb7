"""Loads a GGUF: makes a plan, loads the model and creates the context.

If a GPU fails, it tries again with fewer layers, and at last on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import psutil

from modechat.domain.context import USUAL_N_CTX
from modechat.domain.placement import Placement, WhyCPU
from modechat.engine import llama_log
from modechat.engine.protocol import Load
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.devices import can_offload, choose_devices, list_devices
from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes, sizes_of
from modechat.engine.worker.loading.native import LoadJob, NativeModel, Refused, load_as_planned
from modechat.engine.worker.loading.offload import Device, Plan, smaller_plans
from modechat.engine.worker.loading.planning import N_SEQUENCES, LoadPlan, plan_load
from modechat.engine.worker.model import LoadedModel, read_metadata
from modechat.engine.worker.native_log import NativeLog
from modechat.gguf.layout import read_layout

_ANY_AMOUNT = 1 << 62  # bytes


def load(
    request: Load,
    log: NativeLog,
    on_progress: Callable[[float], bool],
    is_aborted: Callable[[], bool],
) -> LoadedModel:
    """Load the model.

    `on_progress` gets the fraction and returns True to go on. `is_aborted` is called all the time
    while the model computes, and returns True to end the computation. Raises WorkerFailure.
    """
    _check_settings(request)
    devices = choose_devices(list_devices(), request.devices)
    job = LoadJob(request, log, on_progress, is_aborted)
    native, plan = _load_where_it_fits(job, _plan(request, devices))
    report = llama_log.read_load(
        log.lines,
        [device.name for device in devices],
        flash_attention=plan.shape.flash_attention,
    )
    why_cpu = None if report.n_gpu_layers else _why_cpu(request, devices, plan)
    return LoadedModel(
        path=request.model_path,
        model=native.model,
        context=native.context,
        vocabulary=native.vocabulary,
        metadata=read_metadata(native.model),
        n_ctx=plan.n_ctx if native.context is None else native.n_ctx,
        n_batch=native.n_batch,
        placement=Placement(report.n_gpu_layers, report.n_layers, report.gpu_bytes, why_cpu),
        kv_type=request.kv_type,
        flash_attention=report.flash_attention,
        notes=(*plan.notes, *_notes_on(log, report, plan), *_notes_on_layers(request, devices)),
        abort=native.abort,
    )


def _check_settings(request: Load) -> None:
    if request.flash_attention == "off" and request.kv_type.startswith("q"):
        raise WorkerFailure(
            "model",
            f"A KV cache of the type {request.kv_type} needs flash attention",
            'Write flash_attention = "auto" into the config file, or choose --kv-type f16.',
        )


def _plan(request: Load, devices: Sequence[Device]) -> LoadPlan:
    layout = read_layout(Path(request.model_path))
    if layout is None:  # llama.cpp cannot load it either, and says why
        shape = ContextShape(
            request.kv_type, N_SEQUENCES, USUAL_N_CTX, MOST_OUTPUTS, flash_attention=False
        )
        return LoadPlan(request.n_ctx or USUAL_N_CTX, Plan((), 1), shape)
    sizes = sizes_of(layout)
    if request.vocabulary_only:
        return _expected_plan(request, sizes, devices)
    return plan_load(request, sizes, devices, psutil.virtual_memory().available)


def _expected_plan(request: Load, sizes: ModelSizes, devices: Sequence[Device]) -> LoadPlan:
    """Plan for weights that will not be loaded, without notes. They need not fit."""
    mapped = request.model_copy(update={"mmap": True, "mlock": False})
    try:
        plan = plan_load(mapped, sizes, devices, psutil.virtual_memory().available)
    except WorkerFailure:
        plan = plan_load(mapped, sizes, devices, _ANY_AMOUNT)
    return replace(plan, notes=())


def _load_where_it_fits(job: LoadJob, plan: LoadPlan) -> tuple[NativeModel, LoadPlan]:
    """Return the model, and the plan that worked, which has a note on each failed attempt."""
    for offload in smaller_plans(plan.offload):
        try:
            return load_as_planned(job, plan), plan
        except Refused:
            if job.is_given_up:
                raise
        plan = plan.with_fewer_layers(offload, llama_log.reason(job.log.lines))
    return load_as_planned(job, plan), plan


def _why_cpu(request: Load, devices: Sequence[Device], plan: LoadPlan) -> WhyCPU | None:
    """Return why no layer is on a GPU; None if that is what the user wants."""
    no_device_wanted = bool(request.devices) and not devices
    if request.n_gpu_layers == 0 or request.vocabulary_only or no_device_wanted:
        return None
    if not can_offload():
        return WhyCPU.NO_SUPPORT
    if not devices:
        return WhyCPU.NO_GPU
    return WhyCPU.FAILED if plan.has_failed else WhyCPU.NO_ROOM


def _notes_on_layers(request: Load, devices: Sequence[Device]) -> tuple[str, ...]:
    """Return a note if the user wants layers on a GPU, but there is no GPU for them."""
    if not request.n_gpu_layers or request.vocabulary_only or devices:
        return ()
    if can_offload():
        return ("No layer is on a GPU: llama.cpp finds none.",)
    note = (
        "No layer is on a GPU: this build of llama.cpp has no GPU support. "
        "`modechat doctor` says how to get one."
    )
    return (note,)


def _notes_on(log: NativeLog, report: llama_log.LoadReport, plan: LoadPlan) -> tuple[str, ...]:
    notes = []
    if llama_log.cannot_lock_memory(log.lines):
        notes.append(
            "The system does not let modechat keep the model in memory (mlock): "
            "ulimit -l is too low."
        )
    if plan.shape.flash_attention and report.n_gpu_layers and not report.flash_attention:
        notes.append("This GPU has no flash attention: long contexts take more memory.")
    return tuple(notes)
