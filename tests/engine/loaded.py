"""A loaded model in the test's own process: for what the protocol does not show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from modechat.domain.mode import Mode
from modechat.engine.protocol import Load
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.lanes import Lanes
from modechat.engine.worker.evaluation.memory import Memory
from modechat.engine.worker.evaluation.threads import DecodeThreads
from modechat.engine.worker.loading.loader import load
from modechat.engine.worker.model import LoadedModel
from tests.cpu_extras import cpu_extras
from tests.engine.vocabularies import native_log


@contextmanager
def loaded_model(path: Path, n_ctx: int = 1024) -> Iterator[LoadedModel]:
    request = Load(
        model_path=str(path),
        n_ctx=n_ctx,
        n_gpu_layers=0,
        n_threads=1,
        formats=(),
        cpu_extras=cpu_extras(),
    )
    loaded = load(request, native_log(), lambda _fraction: True, lambda: False)
    yield loaded
    loaded.close()


def memory_of(loaded: LoadedModel) -> Memory:
    assert loaded.context is not None
    threads = DecodeThreads(loaded.context, adapts=False)
    return Memory(loaded.model, loaded.context, loaded.n_ctx, loaded.n_batch, threads)


class Writer:
    """Prompts and greedy replies in lanes."""

    def __init__(self, loaded: LoadedModel, lanes: Lanes) -> None:
        self.loaded = loaded
        self.lanes = lanes

    def write(
        self, mode: Mode, prompt: Sequence[int], count: int, **how: int | str
    ) -> tuple[list[float], list[int]]:
        """The logits after `prompt`, and the `count` likeliest tokens, one after the other."""
        reused = self.lanes.reuse(mode, prompt, **how)  # type: ignore[arg-type]
        self.lanes.evaluate(mode, prompt[reused.n_tokens :], lambda _count: None)
        logits = self.logits()
        tokens = [self.likeliest()]
        while len(tokens) < count:
            self.lanes.evaluate(mode, tokens[-1:], lambda _count: None)
            tokens.append(self.likeliest())
        return logits, tokens

    def likeliest(self) -> int:
        logits = self.logits()
        return max(range(len(logits)), key=logits.__getitem__)

    def logits(self, index: int = -1) -> list[float]:
        found = llama.llama_get_logits_ith(self.loaded.context, index)
        return list(found[: self.loaded.vocabulary.n_tokens])
