"""Loading a GGUF: llama.cpp's model and context from what the user asked for.

Everything that can be wrong with a file or the settings becomes a WorkerFailure that says what to do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import PurePath

import psutil

from modechat.engine.protocol import Load
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel, n_ctx_train_of, read_metadata
from modechat.engine.worker.native_log import NativeLog
from modechat.engine.worker.processors import useful_threads
from modechat.engine.worker.tokens import Vocabulary

N_LANES = 2
_DEFAULT_N_CTX = 4096
_LONGEST_ENCODED = 2048  # tokens; its memory grows with the square
_N_BATCH_CPU = 128  # 3 % slower than 512, and a stop loses a quarter of the work
_N_BATCH_GPU = 512
_KV_BYTES_PER_VALUE = 2  # f16
_GIB = 1 << 30


def load(
    request: Load, log: NativeLog, on_progress: Callable[[float], bool], is_aborted: Callable[[], bool]
) -> LoadedModel:
    """Load the model. `on_progress` gets the fraction and answers whether to go on; `is_aborted` is asked all the time
    while the model computes: true ends the computation.

    Raises WorkerFailure.
    """
    model = _load_model(request, log, on_progress)
    context: llama.llama_context_p | None = None
    n_batch, abort = 0, None
    if not request.vocabulary_only:
        try:
            context, n_batch, abort = _create_context(model, request, log, is_aborted)
            _check_can_generate(context, request.model_path)
        except WorkerFailure:
            llama.llama_model_free(model)
            raise
    vocabulary = llama.llama_model_get_vocab(model)
    assert vocabulary is not None  # every loaded model has one
    metadata = read_metadata(model)
    return LoadedModel(
        path=request.model_path,
        model=model,
        context=context,
        vocabulary=Vocabulary(vocabulary),
        metadata=metadata,
        n_ctx=_expected_n_ctx(metadata, request) if context is None else _real_n_ctx(model, context, n_batch),
        n_batch=n_batch,
        device=_device(log),
        abort=abort,
    )


def _load_model(request: Load, log: NativeLog, on_progress: Callable[[float], bool]) -> llama.llama_model_p:
    params = llama.llama_model_default_params()
    callback = llama.llama_progress_callback(lambda fraction, _user_data: on_progress(fraction))
    params.progress_callback = callback
    params.vocab_only = request.vocabulary_only
    params.n_gpu_layers = -1 if request.n_gpu_layers is None else request.n_gpu_layers
    model: llama.llama_model_p | None = llama.llama_model_load_from_file(os.fsencode(request.model_path), params)
    if model is None:
        raise _load_failure(request.model_path, log)
    return model


def _load_failure(path: str, log: NativeLog) -> WorkerFailure:
    name = PurePath(path).name
    unknown = re.search(r"unknown model architecture: '([^']*)'", log.find("unknown model architecture") or "")
    if unknown:
        return WorkerFailure(
            "model",
            f"{name} has the architecture “{unknown[1]}”, which this llama.cpp does not know",
            "A newer modechat may know it. Until then choose another model with --model.",
        )
    if log.find("unable to allocate") or log.find("failed to allocate"):
        return WorkerFailure(
            "model",
            f"There is not enough memory for {name}",
            "Close other programs, choose a smaller model or quantization, or offload fewer layers "
            "(n_gpu_layers in the config).",
        )
    reason = next((line for line in reversed(log.lines) if "error" in line.lower()), "it gave no reason")
    return WorkerFailure("model", f"llama.cpp cannot load {name}", f"It says: {reason.strip()}. Is the file complete?")


def _check_can_generate(context: llama.llama_context_p, path: str) -> None:
    """Embedding models have no memory of what came before. Frees the context if it refuses."""
    if llama.llama_get_memory(context) is None:
        llama.llama_free(context)
        raise WorkerFailure(
            "model",
            f"{PurePath(path).name} is an embedding model: it cannot write",
            "Choose a chat model with --model.",
        )


def _create_context(
    model: llama.llama_model_p, request: Load, log: NativeLog, is_aborted: Callable[[], bool]
) -> tuple[llama.llama_context_p, int, object]:
    n_ctx = _default_n_ctx(model, request)
    on_gpu = _device(log) != "CPU"
    if not on_gpu:
        _check_memory(model, n_ctx)
    n_batch = min(_N_BATCH_GPU if on_gpu else _N_BATCH_CPU, n_ctx)
    if llama.llama_model_has_encoder(model):
        n_batch = n_ctx = min(n_ctx, _LONGEST_ENCODED)  # an encoder takes its text in one batch
    n_threads = request.n_threads or useful_threads()
    abort = llama.ggml_abort_callback(lambda _user_data: is_aborted())
    params = llama.llama_context_default_params()
    params.n_ctx = n_ctx
    params.n_batch = params.n_ubatch = n_batch
    params.n_seq_max = N_LANES
    params.kv_unified = True
    params.n_threads = params.n_threads_batch = n_threads
    params.abort_callback = abort
    context = llama.llama_init_from_model(model, params)
    if context is None:
        raise WorkerFailure(
            "model",
            f"There is not enough memory for a context of {n_ctx:,} tokens",
            "Choose a smaller one with --ctx, for example --ctx 4096.",
        )
    return context, n_batch, abort


def _real_n_ctx(model: llama.llama_model_p, context: llama.llama_context_p, n_batch: int) -> int:
    """What the context holds; an encoder takes no more than one batch, though llama.cpp rounds the context up."""
    n_ctx = int(llama.llama_n_ctx(context))
    return min(n_ctx, n_batch) if llama.llama_model_has_encoder(model) else n_ctx


def _expected_n_ctx(metadata: dict[str, str], request: Load) -> int:
    """The context that a model of which only the vocabulary was loaded would get."""
    return request.n_ctx or min(n_ctx_train_of(metadata) or _DEFAULT_N_CTX, _DEFAULT_N_CTX)


def _default_n_ctx(model: llama.llama_model_p, request: Load) -> int:
    return request.n_ctx or min(llama.llama_model_n_ctx_train(model) or _DEFAULT_N_CTX, _DEFAULT_N_CTX)


def _check_memory(model: llama.llama_model_p, n_ctx: int) -> None:
    """Refuse a KV cache that does not fit: the system would kill the worker while it fills the cache."""
    head_size = llama.llama_model_n_embd(model) // max(llama.llama_model_n_head(model), 1)
    per_token = (
        2
        * llama.llama_model_n_layer(model)
        * max(llama.llama_model_n_head_kv(model), 1)
        * head_size
        * _KV_BYTES_PER_VALUE
    )
    needed = per_token * n_ctx
    free = psutil.virtual_memory().available
    if needed > free * 0.95:
        fits = min(int(free * 0.8 / per_token), llama.llama_model_n_ctx_train(model) or _DEFAULT_N_CTX)
        raise WorkerFailure(
            "model",
            f"A context of {n_ctx:,} tokens needs {needed / _GIB:.1f} GiB of memory; {free / _GIB:.1f} GiB are free",
            f"Choose a smaller one: --ctx {max(fits // 256 * 256, 256)}.",
        )


def _device(log: NativeLog) -> str:
    """Where the layers really are, from llama.cpp's own report: `GPU 28/28`, or `CPU`."""
    offloaded = re.search(r"offloaded (\d+)/(\d+) layers to GPU", log.find("layers to GPU") or "")
    if offloaded and int(offloaded[1]) > 0:
        return f"GPU {offloaded[1]}/{offloaded[2]}"
    return "CPU"
