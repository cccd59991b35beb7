"""Adapts the number of computing threads while the model runs, by the times of its decodes.

llama.cpp's threads meet at a barrier after every operation. With one thread more than there are
idle cores, all of them wait for the one that the system has suspended: on two cores beside one
other busy process, 5 tokens/s instead of 80. The times of decodes show that first. The system's
counts say when another count is worth a trial.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.machine_load import LoadMeter, usable_cpus
from modechat.engine.worker.evaluation.thread_controller import LEAST_PROMPT, ThreadController

DECODED = 0
NO_ROOM = 1
ABORTED = 2
_PATIENCE_WITH_PROMPTS = 5.0
"""Seconds before the first trial with prompts.

A short prompt has four batches: a trial of half the threads with one of them costs a quarter more.
"""


class DecodeThreads:
    """Runs llama.cpp's computations; if it `adapts`, with as many threads as help at the moment."""

    def __init__(self, context: llama.llama_context_p, *, adapts: bool) -> None:
        self._n_max = int(llama.llama_n_threads(context))
        self._context = context
        self._adapts = adapts and self._n_max > 1
        self._is_held = False
        self._generation = ThreadController(self._n_max, evidence=5)
        self._prompt = ThreadController(self._n_max, evidence=2, patience=_PATIENCE_WITH_PROMPTS)
        self._meter = LoadMeter(usable_cpus()) if self._adapts else None

    @contextmanager
    def held(self, *, is_held: bool) -> Iterator[None]:
        """Evaluate single tokens with the same number of threads within the block, if `is_held`.

        The number of threads that share an attention shows in the last digits of its result.
        """
        self._is_held = is_held
        try:
            yield
        finally:
            self._is_held = False

    def run(self, compute: Callable[..., int], batch: Any) -> int:
        """Call `llama_decode` or `llama_encode` for this batch.

        Returns DECODED, NO_ROOM (nothing has changed), ABORTED, or the code of a failure.
        """
        if not self._adapts:
            return compute(self._context, batch)
        n_tokens: int = batch.n_tokens
        if self._is_held and n_tokens == 1:
            llama.llama_set_n_threads(self._context, self._n_max, self._n_max)
            return compute(self._context, batch)
        controller = self._prompt if n_tokens >= LEAST_PROMPT else self._generation
        load = self._meter.measure() if self._meter is not None else None
        if load is not None:
            controller.note_load(load)
        llama.llama_set_n_threads(self._context, controller.count, controller.count)
        started = time.perf_counter()
        result = compute(self._context, batch)
        ended = time.perf_counter()
        if result == DECODED:  # the time of an aborted decode says nothing
            controller.add(n_tokens, ended - started, ended)
        return result
