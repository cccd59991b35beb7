"""Loading a GGUF: plan, load, create the context; where a GPU fails, again with fewer layers, at last on the CPU.

Everything that can be wrong with a file or the settings becomes a WorkerFailure that says what to do.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePath

import psutil

from modechat.engine.protocol import KVType, Load
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.evaluation.processors import useful_threads
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.context_size import ENOUGH
from modechat.engine.worker.loading.devices import (
    can_offload,
    choose_devices,
    handle_of,
    list_devices,
)
from modechat.engine.worker.loading.gguf_file import read_gguf
from modechat.engine.worker.loading.model_sizes import ContextShape, ModelSizes, sizes_of
from modechat.engine.worker.loading.offload import Device, Plan, smaller_plans
from modechat.engine.worker.loading.placement import Placement, read_placement
from modechat.engine.worker.loading.planning import N_SEQUENCES, LoadPlan, plan_load
from modechat.engine.worker.model import LoadedModel, read_metadata
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.tokens import Vocabulary

_ANY_AMOUNT = 1 << 62  # bytes
_LONGEST_ENCODED = 2048  # tokens; its memory grows with the square
_GGML_TYPES: dict[KVType, int] = {
    "f32": 0,
    "f16": 1,
    "q4_0": 2,
    "q4_1": 3,
    "q5_0": 6,
    "q5_1": 7,
    "q8_0": 8,
    "bf16": 30,
}
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}  # llama_flash_attn_type
_LOAD_MODES = {
    (False, False): 0,
    (True, False): -1,
    (False, True): 2,
    (True, True): 3,
}  # (mmap, mlock): llama_load_mode


class _Refused(WorkerFailure):
    """llama.cpp could not load the model or create the context; fewer layers on the GPU may help."""


@dataclass(frozen=True, slots=True)
class _Native:
    """llama.cpp's handles. What native code calls or points to lives as long as they."""

    model: llama.llama_model_p
    vocabulary: Vocabulary
    context: llama.llama_context_p | None = None
    n_batch: int = 0
    kept: object = None


@dataclass(frozen=True)
class _Wish:
    """What is wanted, and by whom it is watched."""

    request: Load
    log: NativeLog
    on_progress: Callable[[float], bool]
    is_aborted: Callable[[], bool]
    _given_up: list[bool] = field(default_factory=list)

    def go_on(self, fraction: float, _user_data: object = None) -> bool:
        goes_on = self.on_progress(fraction)
        if not goes_on:
            self._given_up.append(True)
        return goes_on

    @property
    def is_given_up(self) -> bool:
        return bool(self._given_up)

    @property
    def name(self) -> str:
        return PurePath(self.request.model_path).name


def load(
    request: Load,
    log: NativeLog,
    on_progress: Callable[[float], bool],
    is_aborted: Callable[[], bool],
) -> LoadedModel:
    """Load the model. `on_progress` gets the fraction and answers whether to go on; `is_aborted` is asked all the time
    while the model computes: true ends the computation.

    Raises WorkerFailure.
    """
    _check_settings(request)
    wish = _Wish(request, log, on_progress, is_aborted)
    devices = choose_devices(list_devices(), request.devices)
    plan = _plan(request, devices)
    native, plan = _load_where_it_fits(wish, plan)
    names = [device.name for device in devices]
    placement = read_placement(log.lines, names, flash_attention=plan.shape.flash_attention)
    return LoadedModel(
        path=request.model_path,
        model=native.model,
        context=native.context,
        vocabulary=native.vocabulary,
        metadata=read_metadata(native.model),
        n_ctx=_real_n_ctx(native) if native.context is not None else plan.n_ctx,
        n_batch=native.n_batch,
        device=placement.badge(_why_on_cpu(request, devices, plan)),
        n_gpu_layers=placement.n_gpu_layers,
        kv_type=request.kv_type,
        flash_attention=placement.flash_attention,
        notes=(*plan.notes, *_notes_on(log, placement, plan), *_notes_on_layers(request, devices)),
        abort=native.kept,
    )


def _check_settings(request: Load) -> None:
    if request.flash_attention == "off" and request.kv_type.startswith("q"):
        raise WorkerFailure(
            "model",
            f"A KV cache of the type {request.kv_type} needs flash attention",
            'Write flash_attention = "auto" into the config file, or choose --kv-type f16.',
        )


def _plan(request: Load, devices: Sequence[Device]) -> LoadPlan:
    contents = read_gguf(request.model_path)
    if contents is None:  # it cannot be loaded either: llama.cpp says why
        shape = ContextShape(
            request.kv_type, N_SEQUENCES, ENOUGH, MOST_OUTPUTS, flash_attention=False
        )
        return LoadPlan(request.n_ctx or ENOUGH, Plan((), 1), shape)
    sizes = sizes_of(contents)
    if request.vocabulary_only:
        return _expected_plan(request, sizes, devices)
    return plan_load(request, sizes, devices, psutil.virtual_memory().available)


def _expected_plan(request: Load, sizes: ModelSizes, devices: Sequence[Device]) -> LoadPlan:
    """The plan for weights that will not be loaded, without a word of it. Whether they fit does not matter."""
    mapped = request.model_copy(update={"mmap": True, "mlock": False})
    try:
        plan = plan_load(mapped, sizes, devices, psutil.virtual_memory().available)
    except WorkerFailure:
        plan = plan_load(mapped, sizes, devices, _ANY_AMOUNT)
    return replace(plan, notes=())


def _load_where_it_fits(wish: _Wish, plan: LoadPlan) -> tuple[_Native, LoadPlan]:
    """The model, and the plan that worked: each attempt that failed has a note in it."""
    for offload in smaller_plans(plan.offload):
        try:
            return _load_as_planned(wish, plan), plan
        except _Refused:
            if wish.is_given_up:
                raise
        plan = plan.with_fewer_layers(offload, _reason(wish.log))
    return _load_as_planned(wish, plan), plan


def _load_as_planned(wish: _Wish, plan: LoadPlan) -> _Native:
    wish.log.forget()
    model = _load_model(wish, plan.offload)
    handle = llama.llama_model_get_vocab(model)
    assert handle is not None  # every loaded model has one
    vocabulary = Vocabulary(handle)
    if wish.request.vocabulary_only:
        return _Native(model, vocabulary)
    try:
        with _meanwhile(lambda: vocabulary.special_tokens):
            native = _create_context(model, vocabulary, wish, plan)
        _check_can_generate(native, wish.name)
    except WorkerFailure:
        llama.llama_model_free(model)
        raise
    return native


@contextmanager
def _meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Have `work` done in a thread, beside native code that gives Python's lock away."""
    thread = threading.Thread(target=work, name="meanwhile")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load_model(wish: _Wish, offload: Plan) -> llama.llama_model_p:
    request = wish.request
    params = llama.llama_model_default_params()
    callback = llama.llama_progress_callback(wish.go_on)
    params.progress_callback = callback
    params.vocab_only = request.vocabulary_only
    params.load_mode = _LOAD_MODES[request.mmap, request.mlock]
    params.n_gpu_layers = offload.n_gpu_layers
    params.use_extra_bufts = request.cpu_extras != "off"
    # Where no layer is offloaded, no device is given either: llama.cpp would still take some of its memory.
    devices = (ctypes.c_void_p * (len(offload.parts) + 1))(
        *(handle_of(part.device) for part in offload.parts), None
    )
    split = (ctypes.c_float * llama.llama_max_devices())(*(part.n_layers for part in offload.parts))
    params.devices = ctypes.cast(devices, ctypes.c_void_p)
    params.tensor_split = split
    model: llama.llama_model_p | None = llama.llama_model_load_from_file(
        os.fsencode(request.model_path), params
    )
    if model is None:
        raise _load_failure(wish)
    return model


def _load_failure(wish: _Wish) -> WorkerFailure:
    name, log = wish.name, wish.log
    unknown = re.search(
        r"unknown model architecture: '([^']*)'", log.find("unknown model architecture") or ""
    )
    if unknown:
        return WorkerFailure(
            "model",
            f"{name} has the architecture “{unknown[1]}”, which this llama.cpp does not know",
            "A newer modechat may know it. Until then choose another model with --model.",
        )
    if log.find("unable to allocate") or log.find("failed to allocate"):
        return _Refused(
            "model",
            f"There is not enough memory for {name}",
            "Close other programs, or choose a smaller model or quantization.",
        )
    return _Refused(
        "model", f"llama.cpp cannot load {name}", f"It says: {_reason(log)}. Is the file complete?"
    )


def _reason(log: NativeLog) -> str:
    """llama.cpp's own words on what failed: what it says of memory tells most, else its last complaint."""
    for words in (("alloc", "memory", "buffer size exceeds"), ("error",), ("failed", "unable")):
        for line in reversed(log.lines):
            if any(word in line.lower() for word in words) and " = " not in line:
                return re.sub(r"^\w+: (error loading model: )?", "", line.strip()).rstrip(".")
    return "it gave no reason"


def _check_can_generate(native: _Native, name: str) -> None:
    """Embedding models have no memory of what came before. Frees the context if it refuses."""
    assert native.context is not None  # it was just created
    if llama.llama_get_memory(native.context) is None:
        llama.llama_free(native.context)
        raise WorkerFailure(
            "model",
            f"{name} is an embedding model: it cannot write",
            "Choose a chat model with --model.",
        )


def _create_context(
    model: llama.llama_model_p, vocabulary: Vocabulary, wish: _Wish, plan: LoadPlan
) -> _Native:
    request, n_ctx, n_batch = wish.request, plan.n_ctx, plan.n_batch
    if llama.llama_model_has_encoder(model):
        n_batch = n_ctx = min(n_ctx, _LONGEST_ENCODED)  # an encoder takes its text in one batch
    abort = llama.ggml_abort_callback(lambda _user_data: wish.is_aborted())
    params = llama.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = N_SEQUENCES
    params.n_outputs_max = min(MOST_OUTPUTS, n_batch)
    params.kv_unified = True
    params.swa_full = False
    params.n_rs_seq = 0
    params.type_k = params.type_v = _GGML_TYPES[request.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[request.flash_attention]
    params.n_threads = params.n_threads_batch = request.n_threads or useful_threads()
    params.abort_callback = abort
    context = llama.llama_init_from_model(model, params)
    if context is None:
        raise _context_failure(wish, n_ctx)
    return _Native(model, vocabulary, context, n_batch, abort)


def _context_failure(wish: _Wish, n_ctx: int) -> WorkerFailure:
    if wish.log.find("does not divide"):
        kv_type = wish.request.kv_type
        return WorkerFailure(
            "model",
            f"The KV cache of {wish.name} cannot be of the type {kv_type}",
            "Choose --kv-type f16.",
        )
    return _Refused(
        "model",
        f"There is not enough memory for a context of {n_ctx:,} tokens",
        "Choose a smaller one with --ctx, for example --ctx 4096.",
    )


def _real_n_ctx(native: _Native) -> int:
    """What the context holds; an encoder takes no more than one batch, though llama.cpp rounds the context up."""
    assert native.context is not None
    n_ctx = int(llama.llama_n_ctx(native.context))
    return min(n_ctx, native.n_batch) if llama.llama_model_has_encoder(native.model) else n_ctx


def _why_on_cpu(request: Load, devices: Sequence[Device], plan: LoadPlan) -> str:
    """Why no layer is on a GPU; empty if the user wants it so."""
    if request.n_gpu_layers == 0 or request.vocabulary_only or (request.devices and not devices):
        return ""
    if not can_offload():
        return "this build has no GPU support"
    if not devices:
        return "no GPU found"
    return "the GPU failed" if plan.has_failed else "no layer fits on the GPU"


def _notes_on_layers(request: Load, devices: Sequence[Device]) -> tuple[str, ...]:
    """A wish for layers on a GPU that cannot come true."""
    if not request.n_gpu_layers or request.vocabulary_only or devices:
        return ()
    if not can_offload():
        return (
            "No layer is on a GPU: this build of llama.cpp has no GPU support. `modechat doctor` says how to get one.",
        )
    return ("No layer is on a GPU: llama.cpp finds none.",)


def _notes_on(log: NativeLog, placement: Placement, plan: LoadPlan) -> tuple[str, ...]:
    notes = []
    if log.find("failed to mlock"):
        notes.append(
            "The system does not let modechat keep the model in memory (mlock): ulimit -l is too low."
        )
    if plan.shape.flash_attention and placement.n_gpu_layers and not placement.flash_attention:
        notes.append("This GPU has no flash attention: long contexts take more memory.")
    return tuple(notes)
