"""Finds the number of threads that decodes fastest, from the times of decodes.

A state machine without a clock: the same decodes give the same counts.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

from modechat.engine.worker.evaluation.machine_load import MachineLoad

LEAST_PROMPT = 16
"""Tokens. Any larger batch costs about the same for each token; below, its size matters."""

_WINDOW = 9
_BETTER = 0.95
_CLEARLY_WORSE = 1.3
_SLOW, _COLLAPSED = 1.4, 3.0
"""Factors, relative to the last decodes of the same size."""
_SHARE_OF_TRIALS = 0.02
"""Share of the time that trials of worse counts may take."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 5.0
"""Seconds of computing between trials."""
_IDLE = 5.0
"""Seconds without a decode after which the machine may have changed."""
_FREE_CORE = 0.6
"""Idle cores. With so many, one more thread may get a core."""
_QUIET = 0.2
"""Cores. If other processes use fewer, the machine is quiet.

On a quiet machine fewer threads do not help if they did not before.
"""
_SHARE_FOR_FREE = 0.08
"""Share of the time that trials of more threads may take while a core is idle."""
_SHORTEST_WAIT_FOR_FREE, _LONGEST_WAIT_FOR_FREE = 0.2, 3.0
"""Seconds of computing between trials of more threads while a core is idle."""


@dataclass(slots=True)
class _Trial:
    """A trial of another count: its decodes are compared with earlier ones."""

    count: int
    ratios: list[float] = field(default_factory=list)
    costs: dict[int, deque[float]] = field(default_factory=dict)
    decodes: int = 0


class ThreadController:
    """Finds the count, from 1 to `n_max`, that decodes fastest.

    It stays with a count, and now and then tries a higher or a lower one for a few decodes. A worse
    count is left at once, and no other one is tried until the cost of the trial is a fiftieth of
    the time. When decodes suddenly take much longer, it searches without waiting.

    `evidence` is how many decodes show that a count is better, `patience` the seconds of computing
    before the first trial.
    """

    def __init__(self, n_max: int, evidence: int, patience: float = 0.0) -> None:
        self._n_max = n_max
        self._evidence = evidence
        self._enough = min(evidence, 3)  # decodes that show the usual cost
        self._settled = n_max
        self._trial: _Trial | None = None
        self._costs: dict[int, deque[float]] = {}
        """The costs of the last decodes with the settled count, by size."""
        self._n_slow = 0
        self._candidates: list[int] = []
        self._n_rounds = -1
        self._is_searching = False
        self._computed = 0.0
        self._lost = 0.0
        self._wait = _SHORTEST_WAIT
        self._next_trial = patience
        self._last_end = 0.0
        self._load: MachineLoad | None = None
        self._knows_fewer = False
        """True if fewer threads were no better, and nothing has changed since."""
        self._wait_for_free = _SHORTEST_WAIT_FOR_FREE
        self._next_for_free = 0.0
        self._tried_lately = False
        """True if another count was tried since the last measurement of the load.

        Such a measurement says nothing.
        """

    @property
    def count(self) -> int:
        """The number of threads for the next decode."""
        return self._trial.count if self._trial is not None else self._settled

    def add(self, n_tokens: int, seconds: float, now: float) -> None:
        """Note a decode of `n_tokens` with `count` threads that ended at `now`."""
        after_pause = now - seconds - self._last_end > _IDLE
        self._last_end = now
        self._computed += seconds
        if self._trial is not None:
            self._judge(self._trial, n_tokens, seconds)
            return
        if after_pause:
            self._begin_anew()
        self._watch(n_tokens, seconds)

    def note_load(self, load: MachineLoad) -> None:
        """Note the load of the machine since the last call."""
        self._load = load
        if load.others >= _QUIET:
            self._knows_fewer = False
        tried, self._tried_lately = self._tried_lately, self._trial is not None
        if tried or self._settled == self._n_max or load.idle < _FREE_CORE:
            return
        if self._computed >= self._next_for_free:
            self._next_for_free = self._computed + self._wait_for_free
            self._wait_for_free = min(2 * self._wait_for_free, _LONGEST_WAIT_FOR_FREE)
            self._candidates = _up(self._settled, self._n_max)
            self._is_searching = True
            self._next_trial = self._computed

    def _begin_anew(self) -> None:
        """Try more threads after a pause: they may help again.

        Too many threads show without a trial.
        """
        if above := _up(self._settled, self._n_max):
            self._costs.clear()
            self._is_searching = True
            self._candidates = above
            self._next_trial = self._computed

    def _watch(self, n_tokens: int, seconds: float) -> None:
        cost = seconds / n_tokens
        window = self._costs.setdefault(_size(n_tokens), deque(maxlen=_WINDOW))
        if len(window) >= self._enough:
            ratio = cost / median(window)
            if ratio < _SLOW:
                self._n_slow = 0
            else:
                self._n_slow += 1 if ratio < _COLLAPSED else 2
        window.append(cost)
        if self._n_slow >= self._enough:
            # Earlier decodes no longer count.
            self._costs = {_size(n_tokens): deque(list(window)[-2:], _WINDOW)}
            self._search(_down(self._settled) + _up(self._settled, self._n_max))
        elif self._computed >= self._next_trial and len(window) >= self._enough:
            self._try_next()

    def _search(self, candidates: list[int]) -> None:
        self._n_slow = 0
        self._is_searching = True
        self._candidates = candidates
        self._go_on()

    def _try_next(self) -> None:
        if not self._candidates:
            self._candidates = self._round()
        if self._candidates:
            self._trial = _Trial(self._candidates.pop(0))
            self._tried_lately = True
        else:
            self._go_on()

    def _round(self) -> list[int]:
        """Return the counts to try: all higher ones, and the next lower one.

        More threads are usually better, and a count that is too high shows at once. Higher counts
        are left out while no core is idle, lower ones while nothing else computes and all were
        tried.
        """
        above, below = _up(self._settled, self._n_max), _down(self._settled)
        self._n_rounds += 1
        if self._load is not None:
            has_tried_all_below = self._n_rounds + 1 >= len(below)
            if self._load.idle < _FREE_CORE:
                above = []
            if self._knows_fewer:
                below = []
            self._knows_fewer = self._load.others < _QUIET and has_tried_all_below
        if not below:
            return above
        return [*above, below[self._n_rounds % len(below)]]

    def _judge(self, trial: _Trial, n_tokens: int, seconds: float) -> None:
        cost = seconds / n_tokens
        trial.decodes += 1
        trial.costs.setdefault(_size(n_tokens), deque(maxlen=_WINDOW)).append(cost)
        if known := self._costs.get(_size(n_tokens)):
            usual = median(known)
            trial.ratios.append(cost / usual)
            self._lost += seconds - usual * n_tokens
        if self._is_worse(trial):
            self._go_on()
        elif len(trial.ratios) >= self._evidence:
            self._accept(trial)

    def _is_worse(self, trial: _Trial) -> bool:
        ratios = trial.ratios
        if not ratios:
            return trial.decodes >= _WINDOW  # no decode had a known size: nothing to learn
        if len(ratios) == 1:
            return ratios[0] > _CLEARLY_WORSE
        limit = _BETTER if len(ratios) >= self._evidence else 1
        return median(ratios) > limit

    def _go_on(self) -> None:
        """Try the next count of a search; after the last one, stay with the best for a while."""
        self._trial = None
        if self._is_searching and self._candidates:
            self._try_next()
            return
        self._is_searching = False
        self._next_trial = self._computed + max(self._wait, self._lost / _SHARE_OF_TRIALS)
        self._next_for_free = max(
            self._next_for_free, self._computed + self._lost / _SHARE_FOR_FREE
        )
        self._wait = min(2 * self._wait, _LONGEST_WAIT)
        self._lost = 0.0

    def _accept(self, trial: _Trial) -> None:
        before, self._settled = self._settled, trial.count
        self._costs = trial.costs
        self._wait, self._lost = _SHORTEST_WAIT, 0.0
        self._wait_for_free = _SHORTEST_WAIT_FOR_FREE
        self._knows_fewer = False
        self._n_rounds = -1
        candidates = _up(self._settled, self._n_max) + _down(self._settled)
        if before in candidates:
            candidates.remove(before)
        self._search(candidates)


def _size(n_tokens: int) -> int:
    """Return the size class of a batch: only batches of one class are compared.

    Long ones form one.
    """
    return min(n_tokens, LEAST_PROMPT)


def _up(count: int, n_max: int) -> list[int]:
    """Return higher counts to try, the highest first."""
    if count >= n_max:
        return []
    return sorted({n_max, (count + n_max + 1) // 2, count + 1}, reverse=True)


def _down(count: int) -> list[int]:
    """Return lower counts to try, the highest first."""
    if count <= 1:
        return []
    return sorted({count - 1, 3 * count // 4, count // 2} - {0}, reverse=True)
