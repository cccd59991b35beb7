"""Makes one attempt to load a model with llama.cpp, exactly as planned.

Everything that can be wrong with a file becomes a WorkerFailure that says what to do. If fewer
layers on the GPU may help, it is a `Refused`.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath

from modechat.engine import llama_log
from modechat.engine.protocol import Cause, Load
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS
from modechat.engine.worker.evaluation.processors import useful_threads
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.loading.devices import handle_of
from modechat.engine.worker.loading.model_sizes import GGML_TYPES
from modechat.engine.worker.loading.offload import Plan
from modechat.engine.worker.loading.planning import N_SEQUENCES, LoadPlan
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.tokens import Vocabulary

_LONGEST_ENCODED = 2048
"""The most tokens that an encoder takes; its memory grows with their square."""
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
"""llama_flash_attn_type."""
_LOAD_MODES = {(False, False): 0, (True, False): -1, (False, True): 2, (True, True): 3}
"""(mmap, mlock) to llama_load_mode."""


class Refused(WorkerFailure):
    """llama.cpp could not load the model or create the context. Fewer GPU layers may help."""


@dataclass(frozen=True, slots=True)
class NativeModel:
    """The handles of a loaded model in llama.cpp."""

    model: llama.llama_model_p
    vocabulary: Vocabulary
    context: llama.llama_context_p | None = None
    n_batch: int = 0
    abort: object = None
    """The callback that native code calls: it must live as long as the context."""

    @property
    def n_ctx(self) -> int:
        """Tokens that the context holds: for an encoder one batch, though llama.cpp rounds up."""
        assert self.context is not None
        n_ctx = int(llama.llama_n_ctx(self.context))
        return min(n_ctx, self.n_batch) if llama.llama_model_has_encoder(self.model) else n_ctx


@dataclass(frozen=True)
class LoadJob:
    """A request to load a model, and the callbacks that watch it."""

    request: Load
    log: NativeLog
    on_progress: Callable[[float], bool]
    is_aborted: Callable[[], bool]
    _given_up: threading.Event = field(default_factory=threading.Event)

    def report(self, fraction: float, _user_data: object = None) -> bool:
        """Report progress; return True to go on. llama.cpp calls this."""
        goes_on = self.on_progress(fraction)
        if not goes_on:
            self._given_up.set()
        return goes_on

    @property
    def is_given_up(self) -> bool:
        return self._given_up.is_set()

    @property
    def name(self) -> str:
        return PurePath(self.request.model_path).name


def load_as_planned(job: LoadJob, plan: LoadPlan) -> NativeModel:
    """Load the model, and create its context if the request is for the whole model.

    Raises WorkerFailure; nothing stays loaded then.
    """
    job.log.forget()
    model = _load_model(job, plan.offload)
    handle = llama.llama_model_get_vocab(model)
    assert handle is not None  # every loaded model has one
    vocabulary = Vocabulary(handle)
    if job.request.vocabulary_only:
        return NativeModel(model, vocabulary)
    try:
        with _special_tokens_read_meanwhile(vocabulary):
            native = _create_context(model, vocabulary, job, plan)
        _check_can_generate(native, job.name)
    except WorkerFailure:
        llama.llama_model_free(model)
        raise
    return native


@contextmanager
def _special_tokens_read_meanwhile(vocabulary: Vocabulary) -> Iterator[None]:
    """Read the special tokens in a thread, while native code in the block lets other threads
    run.
    """

    def read() -> object:
        return vocabulary.special_tokens

    thread = threading.Thread(target=read, name="special tokens")
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _load_model(job: LoadJob, offload: Plan) -> llama.llama_model_p:
    request = job.request
    params = llama.llama_model_default_params()
    callback = llama.llama_progress_callback(job.report)
    params.progress_callback = callback
    params.vocab_only = request.vocabulary_only
    params.load_mode = _LOAD_MODES[request.mmap, request.mlock]
    params.n_gpu_layers = offload.n_gpu_layers
    params.use_extra_bufts = request.cpu_extras != "off"
    # A device without layers is not named: llama.cpp would still use some of its memory.
    handles = [handle_of(part.device) for part in offload.parts]
    devices = (ctypes.c_void_p * (len(handles) + 1))(*handles, None)
    split = (ctypes.c_float * llama.llama_max_devices())(*(part.n_layers for part in offload.parts))
    params.devices = ctypes.cast(devices, ctypes.c_void_p)
    params.tensor_split = split
    model: llama.llama_model_p | None = llama.llama_model_load_from_file(
        os.fsencode(request.model_path), params
    )
    if model is None:
        raise _load_failure(job)
    return model


def _load_failure(job: LoadJob) -> WorkerFailure:
    name, lines = job.name, job.log.lines
    architecture = llama_log.unknown_architecture(lines)
    if architecture is not None:
        return WorkerFailure(
            "model",
            f"{name} has the architecture “{architecture}”, which this llama.cpp does not know",
            "A newer modechat may know it. Until then choose another model with --model.",
        )
    if llama_log.lacks_memory(lines):
        return Refused(
            "model",
            f"There is not enough memory for {name}",
            "Close other programs, or choose a smaller model or quantization.",
            cause=Cause.MEMORY,
        )
    return Refused(
        "model",
        f"llama.cpp cannot load {name}",
        f"It says: {llama_log.reason(lines)}. Is the file complete?",
    )


def _create_context(
    model: llama.llama_model_p, vocabulary: Vocabulary, job: LoadJob, plan: LoadPlan
) -> NativeModel:
    request, n_ctx, n_batch = job.request, plan.n_ctx, plan.n_batch
    if llama.llama_model_has_encoder(model):
        n_batch = n_ctx = min(n_ctx, _LONGEST_ENCODED)  # an encoder takes its text in one batch

    def is_aborted(_user_data: object) -> bool:
        return job.is_aborted()

    abort = llama.ggml_abort_callback(is_aborted)
    params = llama.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = N_SEQUENCES
    params.n_outputs_max = min(MOST_OUTPUTS, n_batch)
    params.kv_unified = True
    params.swa_full = False
    params.n_rs_seq = 0
    params.type_k = params.type_v = GGML_TYPES[request.kv_type]
    params.flash_attn_type = _FLASH_ATTENTION[request.flash_attention]
    params.n_threads = params.n_threads_batch = request.n_threads or useful_threads()
    params.abort_callback = abort
    context = llama.llama_init_from_model(model, params)
    if context is None:
        raise _context_failure(job, n_ctx)
    return NativeModel(model, vocabulary, context, n_batch, abort)


def _context_failure(job: LoadJob, n_ctx: int) -> WorkerFailure:
    if llama_log.lacks_kv_type(job.log.lines):
        return WorkerFailure(
            "model",
            f"The KV cache of {job.name} cannot be of the type {job.request.kv_type}",
            "Choose --kv-type f16.",
        )
    return Refused(
        "model",
        f"There is not enough memory for a context of {n_ctx:,} tokens",
        "Choose a smaller one with --ctx, for example --ctx 4096.",
        cause=Cause.MEMORY,
    )


def _check_can_generate(native: NativeModel, name: str) -> None:
    """Refuse embedding models, which have no memory of earlier tokens, and free the context."""
    assert native.context is not None  # just created
    if llama.llama_get_memory(native.context) is None:
        llama.llama_free(native.context)
        raise WorkerFailure(
            "model",
            f"{name} is an embedding model: it cannot write",
            "Choose a chat model with --model.",
        )
