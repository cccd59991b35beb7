"""llama.cpp's sampler chain, built from sampling settings."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from modechat.domain.sampling import Sampling
from modechat.engine.worker.bindings import llama

_PENALTY_LAST_N = 64


class SamplerChain:
    """Chooses tokens. Use as a context manager: it owns native memory.

    `sampling` has every setting but `max_tokens` filled in. `prompt` counts for the repeat penalty.
    """

    def __init__(
        self, context: llama.llama_context_p, sampling: Sampling, seed: int, n_vocab: int, prompt: Sequence[int]
    ) -> None:
        self._context = context
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in _samplers(sampling, seed, n_vocab):
            llama.llama_sampler_chain_add(self._chain, sampler)
        for token in prompt[-_PENALTY_LAST_N:]:
            llama.llama_sampler_accept(self._chain, token)

    def sample(self, index: int) -> int:
        """A token from the result at this place of the last batch; -1: the last one."""
        return int(llama.llama_sampler_sample(self._chain, self._context, index))

    def close(self) -> None:
        """Free native memory."""
        llama.llama_sampler_free(self._chain)

    def __enter__(self) -> SamplerChain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _samplers(sampling: Sampling, seed: int, n_vocab: int) -> list[llama.llama_sampler_p]:
    chain = []
    if sampling.repeat_penalty is not None and sampling.repeat_penalty != 1:
        chain.append(llama.llama_sampler_init_penalties(n_vocab, _PENALTY_LAST_N, sampling.repeat_penalty, 0.0, 0.0))
    if not sampling.temperature:
        return [*chain, llama.llama_sampler_init_greedy()]
    if sampling.top_k:
        chain.append(llama.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        chain.append(llama.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p:
        chain.append(llama.llama_sampler_init_min_p(sampling.min_p, 1))
    return [
        *chain,
        llama.llama_sampler_init_temp(sampling.temperature),
        llama.llama_sampler_init_dist(seed),
    ]
