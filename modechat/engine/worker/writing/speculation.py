"""Guesses the next tokens from the text so far: speculative decoding without a second model.

Replies that rewrite, extract or edit repeat long runs of their prompt. The tokens that followed the
same run before are the guess; the model checks all of them in one batch. Whether that pays depends
on what a batch costs on this machine and on how often such guesses are right. Both are measured
meanwhile, and decide how much is guessed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS

_N_GRAM = 3
_POSITIONS = 8
"""The newest positions of one n-gram that are kept."""
_LONGEST_MATCH = 32
_SIZES = (1, 2, 3, 5, 7, 11, 15, 23, MOST_OUTPUTS - 1)
"""Numbers of guesses in one batch."""
_WORTH_IT = 1.08
"""The least speed, relative to no guesses, that pays: costs are estimates."""
_TRIED = (15, 31)
"""Sizes that are tried once to learn their cost: other costs are estimated, small sizes rarely
pay.
"""
_MOSTLY = 0.6
"""Share of the tokens of such a batch that must probably be right."""
_FORGOTTEN = 300
"""Batches after which a cost is measured again: the first time may have been a bad moment."""

FROM_MODEL = 0
"""The match length of guesses that a draft model made."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed tokens, and the length of the run that they followed before."""

    tokens: tuple[int, ...]
    match_length: int


_NOTHING = Draft((), 0)


class NGramIndex:
    """Finds earlier places of a text after the same tokens as at its end."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens: list[int] = []
        self._after: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for token in tokens:
            self.append(token)

    def append(self, token: int) -> None:
        if len(self.tokens) >= _N_GRAM:  # the run before the token is indexed now
            places = self._after[tuple(self.tokens[-_N_GRAM:])]
            places.append(len(self.tokens))
            del places[:-_POSITIONS]
        self.tokens.append(token)

    def find(self) -> tuple[int, int]:
        """Return the place after the longest earlier run, and the run's length; 0 if there is
        none.
        """
        if len(self.tokens) < _N_GRAM:
            return 0, 0
        places = self._after.get(tuple(self.tokens[-_N_GRAM:]), ())
        found = [(self._run_length(place), place) for place in places]
        length, place = max(found, default=(0, 0))
        return place, length

    def _run_length(self, place: int) -> int:
        """Return how many tokens before `place` are the same as those at the end."""
        length = _N_GRAM
        tokens, end = self.tokens, len(self.tokens)
        while (
            length < _LONGEST_MATCH
            and length < place
            and tokens[place - length - 1] == tokens[end - length - 1]
        ):
            length += 1
        return length


class CostCurve:
    """The cost of a batch of n tokens, measured in batches of one token."""

    def __init__(self, slope: float) -> None:
        """`slope` is the estimated cost of each further token, before anything was measured."""
        self._slope = slope
        self._seconds: dict[int, float] = {}
        self._observed: dict[int, int] = {}
        self._n_observed = 0

    def observe(self, n_tokens: int, seconds: float) -> None:
        self._n_observed += 1
        self._observed[n_tokens] = self._n_observed
        known = self._seconds.get(n_tokens)
        if known is not None:  # average, with outliers cut
            seconds = known + 0.2 * (min(seconds, 3 * known) - known)
        self._seconds[n_tokens] = seconds

    def in_tokens(self, seconds: float) -> float:
        """Return how many single tokens take as long; 0 while nothing was measured."""
        single = self._seconds.get(1)
        return 0.0 if single is None else seconds / single

    def is_known(self, n_tokens: int) -> bool:
        """Return True if this size was measured, and not long ago."""
        observed = self._observed.get(n_tokens)
        return observed is not None and self._n_observed - observed < _FORGOTTEN

    def cost(self, n_tokens: int) -> float:
        """Return the cost of a batch of `n_tokens`.

        Between two measured sizes, and beyond the largest, costs lie on a line.
        """
        single = self._seconds.get(1)
        if single is None:
            return 1 + self._slope * (n_tokens - 1)
        sizes = sorted(self._seconds)
        n_below = bisect_right(sizes, n_tokens)
        below = sizes[n_below - 1]
        base = self._seconds[below] / single
        further = n_tokens - below
        if n_below < len(sizes):
            above = sizes[n_below]
            slope = (self._seconds[above] / single - base) / (above - below)
        elif below > 1:
            slope = max((base - 1) / (below - 1), 0.01)
        else:
            slope = self._slope
        return base + further * slope


@dataclass(slots=True)
class _Rate:
    """Counts of right guesses. They fade, and begin with usual counts."""

    right: float
    tried: float

    @property
    def share(self) -> float:
        return self.right / self.tried

    def record(self, n_right: int, n_tried: int) -> None:
        self.right = 0.9 * self.right + n_right
        self.tried = 0.9 * self.tried + n_tried


def _usual_rates() -> dict[int, _Rate]:
    """Return the usual rates; a key is the least match length that its rate is for."""
    return {
        FROM_MODEL: _Rate(2.8, 4),
        3: _Rate(1.2, 4),
        4: _Rate(2.0, 4),
        6: _Rate(2.8, 4),
        9: _Rate(3.4, 4),
        16: _Rate(3.76, 4),
    }


@dataclass(slots=True)
class GuessPolicy:
    """Decides how many tokens to guess.

    It lives as long as the model: each reply teaches it something for the next one.
    """

    costs: CostCurve
    _rates: dict[int, _Rate] = field(default_factory=_usual_rates)

    def n_guesses(self, match_length: int, limit: int, seconds_each: float = 0.0) -> int:
        """Return how many guesses, at most `limit`, give the largest expected gain; 0: none pay.

        `seconds_each` is the time to make one guess.
        """
        each = self.costs.in_tokens(seconds_each)
        right = self._rate(match_length).share
        best, best_gain = 0, _WORTH_IT
        for size in _SIZES:
            if size > limit:
                break
            expected = 1 + sum(right**n for n in range(1, size + 1))
            is_cheap = expected > _MOSTLY * (1 + size)
            if size in _TRIED and is_cheap and not self.costs.is_known(1 + size):
                return size  # to learn what it costs
            gain = expected / (self.costs.cost(1 + size) + each * size)
            if gain > best_gain:
                best, best_gain = size, gain
        return best

    def record(self, match_length: int, n_guessed: int, n_right: int) -> None:
        """Learn that of `n_guessed` guesses the first `n_right` were right."""
        self._rate(match_length).record(n_right, min(n_right + 1, n_guessed))

    def _rate(self, match_length: int) -> _Rate:
        return self._rates[max(length for length in self._rates if length <= match_length)]


class NoGuesses:
    """Guesses nothing: for replies whose tokens are computed one by one."""

    n_guessed = 0
    n_right = 0

    def add(self, token: int) -> None:
        """Ignore the token."""

    def guess(self, limit: int) -> Draft:  # noqa: ARG002
        return _NOTHING

    def observe(self, n_tokens: int, seconds: float) -> None:
        """Ignore the cost."""

    def record(self, draft: Draft, n_right: int) -> None:
        """Ignore the draft, which has no guesses."""


class Guesser:
    """Guesses for one reply. Give it every token as it comes."""

    def __init__(self, policy: GuessPolicy, prompt: Sequence[int]) -> None:
        self._policy = policy
        self._index = NGramIndex(prompt)
        self.n_guessed = 0
        self.n_right = 0

    def add(self, token: int) -> None:
        self._index.append(token)

    def guess(self, limit: int) -> Draft:
        """Guess at most `limit` tokens that may come next."""
        place, length = self._index.find()
        if length == 0:
            return _NOTHING
        count = self._policy.n_guesses(length, min(limit, len(self._index.tokens) - place))
        return Draft(tuple(self._index.tokens[place : place + count]), length)

    def observe(self, n_tokens: int, seconds: float) -> None:
        """Learn what a batch of `n_tokens` cost."""
        self._policy.costs.observe(n_tokens, seconds)

    def record(self, draft: Draft, n_right: int) -> None:
        self.n_guessed += len(draft.tokens)
        self.n_right += n_right
        self._policy.record(draft.match_length, len(draft.tokens), n_right)
