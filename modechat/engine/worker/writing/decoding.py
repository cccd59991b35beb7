"""Samples the tokens of a reply one by one, and evaluates each so that the next can be sampled.

A guesser has several tokens evaluated at once. Each token is still sampled from the result after
exactly the tokens before it; a guess only decides whether that result is there already. So guesses
change nothing but the speed, except for rounding: llama.cpp may compute a token alone in another
way than among others.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Protocol

from modechat.domain.mode import Mode
from modechat.engine.worker.evaluation.batch import Logits
from modechat.engine.worker.evaluation.evaluator import Evaluator
from modechat.engine.worker.writing.sampler import SamplerChain
from modechat.engine.worker.writing.speculation import Draft


class TokenGuesser(Protocol):
    """Guesses the next tokens of one reply; `speculation.NoGuesses` guesses none."""

    def add(self, token: int) -> None:
        """Add a token of the reply."""

    def guess(self, limit: int) -> Draft:
        """Guess at most `limit` tokens that may come next."""

    def observe(self, n_tokens: int, seconds: float) -> None:
        """Learn what a batch of `n_tokens` cost."""

    def record(self, draft: Draft, n_right: int) -> None:
        """Learn that the first `n_right` tokens of `draft` were right."""


def decode(
    evaluator: Evaluator, mode: Mode, sampler: SamplerChain, guesser: TokenGuesser
) -> Generator[int, None, None]:
    """Yield tokens until the context is full. Close the generator when no more are wanted.

    Each token is evaluated when the next one is wanted. Raises what `Evaluator.evaluate` raises.
    """
    token = sampler.sample(-1)
    while True:
        guesser.add(token)
        yield token
        room = evaluator.room(mode)
        if room < 1:
            return
        draft = guesser.guess(room - 1)
        batch = [token, *draft.tokens]
        started = time.perf_counter()
        evaluator.evaluate(mode, batch, _ignore, Logits.ALL)
        guesser.observe(len(batch), time.perf_counter() - started)
        if draft.tokens:
            token = yield from _check(evaluator, mode, sampler, guesser, draft)
        else:
            token = sampler.sample(0)


def _check(
    evaluator: Evaluator, mode: Mode, sampler: SamplerChain, guesser: TokenGuesser, draft: Draft
) -> Generator[int, None, int]:
    """Yield the guesses that are right, and return the token after them.

    Takes the wrong ones back.
    """
    n_right = 0
    try:
        token = sampler.sample(0)
        for guess in draft.tokens:
            if token != guess:
                break
            n_right += 1
            guesser.add(token)
            yield token
            token = sampler.sample(n_right)
        guesser.record(draft, n_right)
        return token
    finally:
        n_wrong = len(draft.tokens) - n_right
        if n_wrong:
            evaluator.take_back(mode, n_wrong)


def _ignore(_count: int) -> None:
    pass
