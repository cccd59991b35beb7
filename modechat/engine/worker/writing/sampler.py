"""Choosing tokens: llama.cpp's sampler chain, built from sampling settings, and a grammar over it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

from modechat.domain.sampling import Sampling
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.writing.candidates import IMPOSSIBLE, Candidates
from modechat.engine.worker.writing.grammar import Grammar

_PENALTY_LAST_N = 64


class SamplerChain:
    """Chooses tokens. Use as a context manager: it owns native memory, that of the grammar too.

    `sampling` has every setting but `max_tokens` filled in. `prompt` counts for the repeat penalty.
    """

    def __init__(
        self,
        context: llama.llama_context_p,
        sampling: Sampling,
        seed: int,
        n_vocab: int,
        prompt: Sequence[int],
        grammar: Grammar | None = None,
    ) -> None:
        self._context = context
        self._chain = llama.llama_sampler_chain_init(llama.llama_sampler_chain_default_params())
        for sampler in _samplers(sampling, seed, n_vocab):
            llama.llama_sampler_chain_add(self._chain, sampler)
        for token in prompt[-_PENALTY_LAST_N:]:
            llama.llama_sampler_accept(self._chain, token)
        self._grammar = grammar
        self._candidates = Candidates(n_vocab) if grammar is not None else None

    def sample(self, index: int) -> int:
        """A token from the result at this place of the last batch; -1: the last one.

        Raises WorkerFailure if the grammar leaves none.
        """
        if self._grammar is None or self._candidates is None:
            return int(llama.llama_sampler_sample(self._chain, self._context, index))
        token = self._choose(index, self._candidates, self._grammar)
        llama.llama_sampler_accept(self._chain, token)
        self._grammar.accept(token)
        return token

    def close(self) -> None:
        """Free native memory."""
        llama.llama_sampler_free(self._chain)
        if self._grammar is not None:
            self._grammar.close()

    def must_end(self) -> bool:
        """Whether a grammar leaves nothing but the reply's end."""
        if self._grammar is None or self._candidates is None:
            return False
        return self._grammar.must_end(self._candidates)

    def has_choice(self, *, blank: bool) -> bool:
        """Whether the reply could go on in different ways: a grammar may leave one only. `blank`: as in `Grammar`."""
        if self._grammar is None or self._candidates is None:
            return True
        return self._grammar.has_choice(self._candidates, blank=blank)

    def _choose(self, index: int, candidates: Candidates, grammar: Grammar) -> int:
        """Freely, and if the grammar does not allow that, among all that it allows: asking about one token takes
        microseconds, asking about all of them milliseconds. Models mostly do what they are told.
        """
        candidates.fill(self._context, index)
        chosen = candidates.apply(self._chain)
        if chosen is not None and grammar.allows(chosen[0]):
            return chosen[0]
        excluded: list[int] = []
        while True:
            candidates.fill(self._context, index)
            grammar.filter(candidates)
            for token in excluded:
                candidates.exclude(token)
            chosen = candidates.apply(self._chain)
            if chosen is None or chosen[1] == IMPOSSIBLE:
                raise WorkerFailure(
                    "engine",
                    "The model's vocabulary has nothing with which the reply could go on as it must",
                    "Change the schema or the grammar, or choose another model.",
                )
            if grammar.allows(chosen[0]):
                return chosen[0]
            excluded.append(chosen[0])

    def __enter__(self) -> SamplerChain:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _samplers(sampling: Sampling, seed: int, n_vocab: int) -> list[llama.llama_sampler_p]:
    chain = []
    if sampling.repeat_penalty is not None and sampling.repeat_penalty != 1:
        chain.append(
            llama.llama_sampler_init_penalties(
                n_vocab, _PENALTY_LAST_N, sampling.repeat_penalty, 0.0, 0.0
            )
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
    return [
        *chain,
        llama.llama_sampler_init_temp(sampling.temperature),
        llama.llama_sampler_init_dist(seed),
    ]
