"""Chooses tokens with llama.cpp's sampler chain, built from sampling settings, and a grammar."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from modechat.domain.sampling import Sampling
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.writing.candidates import IMPOSSIBLE, Candidates
from modechat.engine.worker.writing.grammar import Grammar

_PENALTY_LAST_N = 64


class SamplerChain:
    """Chooses tokens freely. Use as a context manager: it owns native memory.

    `sampling` has every setting except `max_tokens`. `prompt` counts for the repeat penalty.
    """

    def __init__(
        self,
        context: llama.llama_context_p,
        sampling: Sampling,
        seed: int,
        n_vocab: int,
        prompt: Sequence[int],
    ) -> None:
        self._context = context
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in _samplers(sampling, seed, n_vocab):
            llama.llama_sampler_chain_add(self._chain, sampler)
        for token in prompt[-_PENALTY_LAST_N:]:
            llama.llama_sampler_accept(self._chain, token)

    def sample(self, index: int) -> int:
        """Sample a token from the result at this place of the last batch; -1: the last one."""
        return int(llama.llama_sampler_sample(self._chain, self._context, index))

    def close(self) -> None:
        """Free native memory."""
        llama.llama_sampler_free(self._chain)

    def must_end(self) -> bool:
        """Return True if nothing but the reply's end can follow."""
        return False

    def has_choice(self, *, blank: bool) -> bool:  # noqa: ARG002
        """Return True if the reply could go on in different ways. `blank`: as in `Grammar`."""
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class ConstrainedSampler(SamplerChain):
    """Chooses tokens that a grammar allows. It owns the grammar too."""

    def __init__(
        self,
        context: llama.llama_context_p,
        sampling: Sampling,
        seed: int,
        n_vocab: int,
        prompt: Sequence[int],
        grammar: Grammar,
    ) -> None:
        super().__init__(context, sampling, seed, n_vocab, prompt)
        self._grammar = grammar
        self._candidates = Candidates(n_vocab)

    def sample(self, index: int) -> int:
        """Sample a token that the grammar allows. Raises WorkerFailure if there is none."""
        token = self._choose(index)
        llama.llama_sampler_accept(self._chain, token)
        self._grammar.accept(token)
        return token

    def close(self) -> None:
        super().close()
        self._grammar.close()

    def must_end(self) -> bool:
        return self._grammar.must_end(self._candidates)

    def has_choice(self, *, blank: bool) -> bool:
        return self._grammar.has_choice(self._candidates, blank=blank)

    def _choose(self, index: int) -> int:
        """Choose a token freely; if the grammar does not allow it, choose among all allowed ones.

        Asking about one token takes microseconds, asking about all takes milliseconds, and models
        mostly do what they are asked for.
        """
        self._candidates.fill(self._context, index)
        chosen = self._candidates.apply(self._chain)
        if chosen is not None and self._grammar.allows(chosen[0]):
            return chosen[0]
        return self._choose_among_allowed(index)

    def _choose_among_allowed(self, index: int) -> int:
        candidates = self._candidates
        excluded: list[int] = []
        while True:
            candidates.fill(self._context, index)
            self._grammar.filter(candidates)
            for token in excluded:
                candidates.exclude(token)
            chosen = candidates.apply(self._chain)
            if chosen is None or chosen[1] == IMPOSSIBLE:
                raise WorkerFailure(
                    "engine",
                    "The model's vocabulary has nothing with which the reply could go on"
                    " as it must",
                    "Change the schema or the grammar, or choose another model.",
                )
            if self._grammar.allows(chosen[0]):
                return chosen[0]
            excluded.append(chosen[0])


def _samplers(sampling: Sampling, seed: int, n_vocab: int) -> list[llama.llama_sampler_p]:
    chain = []
    penalty = sampling.repeat_penalty
    if penalty is not None and penalty != 1:
        chain.append(
            llama.llama_sampler_init_penalties(n_vocab, _PENALTY_LAST_N, penalty, 0.0, 0.0)
        )
    if sampling.is_greedy:
        return [*chain, llama.llama_sampler_init_greedy()]
    if sampling.top_k:
        chain.append(llama.llama_sampler_init_top_k(sampling.top_k))
    if sampling.top_p is not None and sampling.top_p < 1:
        chain.append(llama.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p:
        chain.append(llama.llama_sampler_init_min_p(sampling.min_p, 1))
    assert sampling.temperature is not None  # it would be greedy
    chain.append(llama.llama_sampler_init_temp(sampling.temperature))
    chain.append(llama.llama_sampler_init_dist(seed))
    return chain
