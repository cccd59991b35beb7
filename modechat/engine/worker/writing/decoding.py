"""The tokens of a reply, one after the other: sampled, and evaluated so that the next one can be.

With a guesser several tokens are evaluated at once. Each is sampled as without it, after exactly the tokens before it;
a guess only decides whether its result is there already. So the reply is the same, and it may come sooner.

The same but for rounding: llama.cpp may compute a token alone in another way than among others. Where that could be
seen, at temperature 0 and with a seed that the user chose, a `Proof` allows guesses only while both ways agree to the
last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from modechat.domain.mode import Mode
from modechat.engine.worker.evaluation.batch import Logits
from modechat.engine.worker.evaluation.evaluator import Evaluator
from modechat.engine.worker.writing.proof import Proof
from modechat.engine.worker.writing.speculation import Guesser


class TokenSampler(Protocol):
    def sample(self, index: int) -> int:
        """A token from the result at this place of the last batch; -1: the last one."""


@dataclass(frozen=True, slots=True)
class Guessing:
    """What guesses for a loaded model, and whether that could be seen."""

    guesser_for: Callable[[Sequence[int]], Guesser]
    """Makes the guesser for a prompt."""
    proof: Proof | None
    """None: it may be seen."""


def decode(
    evaluator: Evaluator,
    mode: Mode,
    sampler: TokenSampler,
    guesser: Guesser | None,
    proof: Proof | None = None,
) -> Generator[int, None, None]:
    """Tokens until the context is full. Close it when no more are wanted.

    Each is evaluated when the next one is asked for. With a `proof` guesses must change nothing at all. Raises what
    `Evaluator.evaluate` raises.
    """
    token = sampler.sample(-1)
    unchecked = 0
    if proof is not None:
        proof.begin()
    try:
        while True:
            if guesser is not None:
                guesser.add(token)
            yield token
            room = evaluator.room(mode)
            if room < 1:
                return
            may_guess = guesser is not None and (proof is None or proof.may_hold(evaluator))
            draft = guesser.guess(room - 1) if guesser is not None and may_guess else None
            if (
                draft is not None
                and draft.tokens
                and proof is not None
                and not proof.holds(evaluator, len(draft.tokens))
            ):
                draft = None
            started = time.perf_counter()
            if guesser is None or draft is None or not draft.tokens:
                evaluator.evaluate(mode, [token], _ignore)
                if guesser is not None:
                    guesser.observe(1, time.perf_counter() - started)
                if proof is not None:
                    proof.witness(evaluator, mode, token)
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
