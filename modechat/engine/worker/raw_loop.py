"""Runs llama.cpp's own loop, to compare modechat with: batch, decode, likeliest token, and again.

It runs in the worker, with the loaded model and its context. So all settings, threads and memory
are the same, and a large model is not loaded twice. The loop uses nothing of modechat: no lanes, no
text, no events, and no abort callback, which native code would call after every operation.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from modechat.engine.protocol import RawMeasured
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import fill_batch
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel

_SEQUENCE = 0


def measure_raw_loop(loaded: LoadedModel, prompt: Sequence[int], n_generate: int) -> RawMeasured:
    """Evaluate `prompt`, then generate `n_generate` tokens past all end tokens.

    The context must be empty, and is empty afterwards. Raises WorkerFailure.
    """
    context = loaded.context
    assert context is not None  # the model was loaded whole
    if len(prompt) + n_generate > loaded.n_ctx:
        raise WorkerFailure(
            "context", f"{len(prompt)} and {n_generate} tokens are more than the context holds"
        )
    batch = llama.llama_batch_init(loaded.n_batch, 0, 1)
    sampler = llama.llama_sampler_init_greedy()
    llama.llama_set_abort_callback(context, llama.ggml_abort_callback(0), None)
    try:
        started = time.perf_counter()
        for start in range(0, len(prompt), loaded.n_batch):
            fill_batch(batch, prompt[start : start + loaded.n_batch], start, _SEQUENCE)
            _check(llama.llama_decode(context, batch))
        token = llama.llama_sampler_sample(sampler, context, -1)
        first = time.perf_counter()
        fill_batch(batch, [token], len(prompt), _SEQUENCE)
        for position in range(len(prompt), len(prompt) + n_generate - 1):
            batch.token[0] = token
            batch.pos[0] = position
            _check(llama.llama_decode(context, batch))
            token = llama.llama_sampler_sample(sampler, context, -1)
        ended = time.perf_counter()
    finally:
        llama.llama_set_abort_callback(context, loaded.abort, None)
        llama.llama_sampler_free(sampler)
        llama.llama_batch_free(batch)
        llama.llama_memory_seq_rm(llama.llama_get_memory(context), _SEQUENCE, -1, -1)
    return RawMeasured(
        prompt_tokens=len(prompt),
        seconds_prompt=first - started,
        generated_tokens=n_generate - 1,
        seconds_generation=ended - first,
    )


def _check(result: int) -> None:
    if result != 0:
        raise WorkerFailure("engine", f"llama.cpp could not evaluate (code {result})")
