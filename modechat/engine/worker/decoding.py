"""The tokens of a reply, one after the other: sampled, and evaluated so that the next one can be.

With a guesser several tokens are evaluated at once. Each is sampled as without it, after exactly the tokens before it;
a guess only decides whether its result is there already. So the reply is the same, and it may come sooner.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Protocol

from modechat.domain.modes import Mode
from modechat.engine.worker.batch import Logits
from modechat.engine.worker.lanes import Evaluator
from modechat.engine.worker.speculation import Guesser


class TokenSampler(Protocol):
    def sample(self, index: int) -> int:
        """A token from the result at this place of the last batch; -1: the last one."""


def decode(
    evaluator: Evaluator, mode: Mode, sampler: TokenSampler, guesser: Guesser | None
) -> Generator[int, None, None]:
    """Tokens until the context is full. Close it when no more are wanted.

    Each is evaluated when the next one is asked for. Raises what `Evaluator.evaluate` raises.
    """
    token = sampler.sample(-1)
    unchecked = 0
    try:
        while True:
            if guesser is not None:
                guesser.add(token)
            yield token
            room = evaluator.room(mode)
            if room < 1:
                return
            draft = guesser.guess(room - 1) if guesser is not None else None
            started = time.perf_counter()
            if guesser is None or draft is None or not draft.tokens:
                evaluator.evaluate(mode, [token], _ignore)
                if guesser is not None:
                    guesser.observe(1, time.perf_counter() - started)
                token = sampler.sample(-1)
                continue
            evaluator.evaluate(mode, [token, *draft.tokens], _ignore, Logits.ALL)
            guesser.observe(1 + len(draft.tokens), time.perf_counter() - started)
            unchecked = len(draft.tokens)
            n_right = 0
            token = sampler.sample(0)
            for index, guess in enumerate(draft.tokens, start=1):
                if token != guess:
                    break
                unchecked -= 1
                n_right += 1
                guesser.add(token)
                yield token
                token = sampler.sample(index)
            guesser.record(draft, n_right)
            if unchecked:
                evaluator.take_back(mode, unchecked)
                unchecked = 0
    finally:
        if unchecked:
            evaluator.take_back(mode, unchecked)


def _ignore(_count: int) -> None:
    pass
