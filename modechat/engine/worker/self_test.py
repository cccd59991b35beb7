"""Evaluates a tiny quantized model like a loaded one: a prompt in one batch, then single tokens.

`python -m modechat.engine.worker.self_test on FOLDER` does it with the CPU's extra buffers, `off
FOLDER` without; the model is written into the folder. The exit code is 0 if every result is a
number. Native code that this machine does not run ends the process by a signal.
`engine/self_test.py` starts it.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import fill_batch
from modechat.engine.worker.tiny_model import N_VOCAB, write_tiny_model

_N_PROMPT = 64
_N_SINGLE = 4
_N_CTX = 256
_N_THREADS = 4
_SEQUENCE = 0


def main() -> None:
    extras, folder = sys.argv[1:]
    path = Path(folder) / "tiny.gguf"
    write_tiny_model(path)
    _evaluate(_load(path, extras=extras != "off"))


def _load(path: Path, *, extras: bool) -> llama.llama_model_p:
    llama.llama_backend_init()
    params = llama.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = extras
    params.load_mode = 0  # read, not mapped: the caller may remove the file
    model: llama.llama_model_p | None = llama.llama_model_load_from_file(os.fsencode(path), params)
    if model is None:
        raise SystemExit("the model cannot be loaded")
    return model


def _evaluate(model: llama.llama_model_p) -> None:
    params = llama.llama_context_default_params()
    params.n_ctx = _N_CTX
    params.n_batch = params.n_ubatch = _N_PROMPT
    params.n_threads = params.n_threads_batch = _N_THREADS
    context = llama.llama_init_from_model(model, params)
    if context is None:
        raise SystemExit("there is no context")
    batch = llama.llama_batch_init(_N_PROMPT, 0, 1)
    position = 0
    for n_tokens in (_N_PROMPT, *[1] * _N_SINGLE):
        tokens = [(7 * i + 1) % N_VOCAB for i in range(position, position + n_tokens)]
        fill_batch(batch, tokens, position, _SEQUENCE)
        if llama.llama_decode(context, batch) != 0:
            raise SystemExit("the tokens cannot be evaluated")
        results = llama.llama_get_logits_ith(context, -1)
        if not all(math.isfinite(results[i]) for i in range(N_VOCAB)):
            raise SystemExit("the results are no numbers")
        position += n_tokens


if __name__ == "__main__":
    main()
