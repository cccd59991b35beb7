"""Speculative decoding without a second model: what comes next is guessed from what the text has said before.

Replies that rewrite, extract or edit repeat long runs of their prompt. The tokens that followed the same run before
are the guess; the model checks all of them in one batch. Whether that pays depends on what a batch costs on this
machine and on how often such guesses are right: both are measured while it runs, and it guesses only as much as they
say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS

_N_GRAM = 3
_POSITIONS = 8  # of one n-gram, the newest ones
_LONGEST_MATCH = 32
_SIZES = (1, 2, 3, 5, 7, 11, 15, 23, MOST_OUTPUTS - 1)  # guesses in one batch
_WORTH_IT = 1.08  # times as fast as without, at least: the estimates are estimates
_TRIED = (
    15,
    31,
)  # tried once to learn what they cost: what lies between is estimated, and small ones rarely pay
_MOSTLY = 0.6  # of the tokens of such a batch must be expected to be right
_FORGOTTEN = 300  # batches after which a cost may be another: one that was measured in a bad moment counts no longer

FROM_MODEL = 0
"""The match length of guesses that a draft model made."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Guessed tokens, and how long the run was that they followed before."""

    tokens: tuple[int, ...]
    match_length: int


_NOTHING = Draft((), 0)


class NGramIndex:
    """Finds where the end of a text stood before."""

    def __init__(self, tokens: Sequence[int]) -> None:
        self.tokens: list[int] = []
        self._after: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
        for token in tokens:
            self.append(token)

    def append(self, token: int) -> None:
        if len(self.tokens) >= _N_GRAM:  # the run before it is indexed now that something follows
            places = self._after[tuple(self.tokens[-_N_GRAM:])]
            places.append(len(self.tokens))
            del places[:-_POSITIONS]
        self.tokens.append(token)

    def find(self) -> tuple[int, int]:
        """Where what followed the longest earlier run begins, and that run's length; length 0: there is none."""
        if len(self.tokens) < _N_GRAM:
            return 0, 0
        places = self._after.get(tuple(self.tokens[-_N_GRAM:]), ())
        found = [(self._run_length(place), place) for place in places]
        length, place = max(found, default=(0, 0))
        return place, length

    def _run_length(self, place: int) -> int:
        """How many tokens before `place` are those at the end."""
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
    """What a batch of n tokens costs, measured in batches of one token."""

    def __init__(self, slope: float) -> None:
        """`slope` is what each further token is thought to cost before anything was measured."""
        self._slope = slope
        self._seconds: dict[int, float] = {}
        self._observed: dict[int, int] = {}
        self._n_observed = 0

    def observe(self, n_tokens: int, seconds: float) -> None:
        self._n_observed += 1
        self._observed[n_tokens] = self._n_observed
        known = self._seconds.get(n_tokens)
        self._seconds[n_tokens] = (
            seconds if known is None else known + 0.2 * (min(seconds, 3 * known) - known)
        )

    def in_tokens(self, seconds: float) -> float:
        """How many single tokens take as long; 0 while nothing was measured."""
        return seconds / self._seconds[1] if 1 in self._seconds else 0.0

    def is_known(self, n_tokens: int) -> bool:
        """Whether this size was measured, and not long ago."""
        return (
            n_tokens in self._observed and self._n_observed - self._observed[n_tokens] < _FORGOTTEN
        )

    def cost(self, n_tokens: int) -> float:
        """Between two measured sizes, and beyond the largest, costs lie on a line."""
        single = self._seconds.get(1)
        if single is None:
            return 1 + self._slope * (n_tokens - 1)
        below = max(size for size in self._seconds if size <= n_tokens)
        above = min((size for size in self._seconds if size >= n_tokens), default=None)
        base = self._seconds[below] / single
        if above == below:
            return base
        if above is None:
            return base + (n_tokens - below) * (
                self._slope if below == 1 else max((base - 1) / (below - 1), 0.01)
            )
        return base + (n_tokens - below) / (above - below) * (self._seconds[above] / single - base)


@dataclass(slots=True)
class _Rate:
    """How often guesses were right: counts that fade, begun with what is usual."""

    right: float
    tried: float

    @property
    def share(self) -> float:
        return self.right / self.tried

    def record(self, n_right: int, n_tried: int) -> None:
        self.right = 0.9 * self.right + n_right
        self.tried = 0.9 * self.tried + n_tried


@dataclass(slots=True)
class GuessPolicy:
    """How many tokens to guess. Lives as long as the model: what it learns in one reply serves the next."""

    costs: CostCurve
    _rates: dict[int, _Rate] = field(
        default_factory=lambda: {
            FROM_MODEL: _Rate(2.8, 4),
            3: _Rate(1.2, 4),
            4: _Rate(2.0, 4),
            6: _Rate(2.8, 4),
            9: _Rate(3.4, 4),
            16: _Rate(3.76, 4),
        }
    )

    def n_guesses(self, match_length: int, limit: int, seconds_each: float = 0.0) -> int:
        """How many guesses, at most `limit`, make the expected gain the largest; 0: none pay.

        `seconds_each` is what it takes to make one.
        """
        each = self.costs.in_tokens(seconds_each)
        right = self._rate(match_length).share
        best, best_gain = 0, _WORTH_IT
        for size in _SIZES:
            if size > limit:
                break
            expected = 1 + sum(right**n for n in range(1, size + 1))
            if (
                size in _TRIED
                and expected > _MOSTLY * (1 + size)
                and not self.costs.is_known(1 + size)
            ):
                return size  # to learn what it costs, where that costs little
            if (gain := expected / (self.costs.cost(1 + size) + each * size)) > best_gain:
                best, best_gain = size, gain
        return best

    def record(self, match_length: int, n_guessed: int, n_right: int) -> None:
        """Of `n_guessed` guesses the first `n_right` were right."""
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
        """Nothing was guessed."""


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
        """What may come next: at most `limit` tokens."""
        place, length = self._index.find()
        if length == 0:
            return _NOTHING
        count = self._policy.n_guesses(length, min(limit, len(self._index.tokens) - place))
        return Draft(tuple(self._index.tokens[place : place + count]), length)

    def observe(self, n_tokens: int, seconds: float) -> None:
        """What a batch cost."""
        self._policy.costs.observe(n_tokens, seconds)

    def record(self, draft: Draft, n_right: int) -> None:
        self.n_guessed += len(draft.tokens)
        self.n_right += n_right
        self._policy.record(draft.match_length, len(draft.tokens), n_right)
