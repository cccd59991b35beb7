"""How many threads compute: adapted while the model runs, from how long its decodes take.

llama.cpp's threads meet at a barrier after every operation. One thread more than there are idle cores, and all of
them wait for the one that the system has put aside: on two cores beside one other busy process, 5 tokens/s instead of
80. The decodes themselves tell that first. What the system counts tells when trying another count is worth while.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.machine_load import LoadMeter, MachineLoad, usable_cpus

_DECODED = 0
LEAST_PROMPT = 16
"""Tokens. In batches from here on, a token always costs about the same; below, each size has a price of its own."""

_WINDOW = 9
_BETTER = 0.95
_CLEARLY_WORSE = 1.3
_SLOW, _COLLAPSED = 1.4, 3.0
"""Times what the last decodes of the same size took."""
_SHARE_OF_TRIALS = 0.02
"""Of the time may be lost with trials of counts that turn out to be worse."""
_PATIENCE_WITH_PROMPTS = 5.0
"""Seconds: a short prompt has four batches, and a trial of half the threads with one of them costs a quarter more."""
_SHORTEST_WAIT, _LONGEST_WAIT = 0.5, 5.0
"""Seconds of computing between trials."""
_IDLE = 5.0
"""Seconds without a decode after which the machine may have changed."""
_FREE_CORE = 0.6
"""Cores that nobody uses: from here on one thread more may have one."""
_QUIET = 0.2
"""Cores that other processes use: below, fewer threads will not help if they did not before."""
_SHARE_FOR_FREE = 0.08
"""Of the time may be lost with trials of more threads while the system says that a core is free."""
_SHORTEST_WAIT_FOR_FREE, _LONGEST_WAIT_FOR_FREE = 0.2, 3.0
"""Seconds of computing between trials of more threads while a core is free."""


@dataclass(slots=True)
class _Trial:
    """Decodes with another count, compared with those before."""

    count: int
    ratios: list[float] = field(default_factory=list)
    costs: dict[int, deque[float]] = field(default_factory=dict)
    decodes: int = 0


class ThreadController:
    """Finds the count, from 1 to `n_max`, that decodes fastest. Knows no clock: the same decodes, the same counts.

    It stays with a count, and now and then tries another for a few decodes: more of them, or a part. A worse one is
    left at once, and then no other is tried until what that cost is a fiftieth of the time. When decodes suddenly take
    much longer, it searches without waiting. `evidence` is how many decodes show that a count is better, `patience` the
    seconds of computing before the first trial.
    """

    def __init__(self, n_max: int, evidence: int, patience: float = 0.0) -> None:
        self._n_max = n_max
        self._evidence = evidence
        self._enough = min(evidence, 3)  # decodes that show what is usual
        self._settled = n_max
        self._trial: _Trial | None = None
        self._costs: dict[
            int, deque[float]
        ] = {}  # of the last decodes with the settled count, by size
        self._n_slow = 0
        self._candidates: list[int] = []
        self._n_rounds = -1
        self._is_searching = False
        self._computed = 0.0
        self._lost = 0.0
        self._wait = _SHORTEST_WAIT
        self._next_trial = patience
        self._last_end = 0.0
        self._around: MachineLoad | None = None
        self._knows_fewer = False
        """Whether fewer threads were found to be no better, and nothing has changed since."""
        self._wait_for_free = _SHORTEST_WAIT_FOR_FREE
        self._next_for_free = 0.0
        self._tried_since_look = False
        """Whether another count was tried meanwhile: then an idle core says nothing."""

    @property
    def count(self) -> int:
        """For the next decode."""
        return self._settled if self._trial is None else self._trial.count

    def add(self, n_tokens: int, seconds: float, now: float) -> None:
        """A decode of `n_tokens` with `count` threads took `seconds` and ended at `now`."""
        after_pause = now - seconds - self._last_end > _IDLE
        self._last_end = now
        self._computed += seconds
        if self._trial is not None:
            self._judge(self._trial, n_tokens, seconds)
            return
        if after_pause:
            self._begin_anew()
        self._watch(n_tokens, seconds)

    def see(self, around: MachineLoad) -> None:
        """What the rest of the machine has done lately."""
        self._around = around
        if around.others >= _QUIET:
            self._knows_fewer = False
        tried, self._tried_since_look = self._tried_since_look, self._trial is not None
        if tried or self._settled == self._n_max or around.idle < _FREE_CORE:
            return
        if self._computed >= self._next_for_free:
            self._next_for_free = self._computed + self._wait_for_free
            self._wait_for_free = min(2 * self._wait_for_free, _LONGEST_WAIT_FOR_FREE)
            self._candidates = _up(self._settled, self._n_max)
            self._is_searching = True
            self._next_trial = self._computed

    def _begin_anew(self) -> None:
        """After a pause: more may help again. That there are too many shows by itself, without a trial."""
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
            self._n_slow = 0 if ratio < _SLOW else self._n_slow + (1 if ratio < _COLLAPSED else 2)
        window.append(cost)
        if self._n_slow >= self._enough:
            self._costs = {
                _size(n_tokens): deque(list(window)[-2:], _WINDOW)
            }  # what was before counts no more
            self._search(_down(self._settled) + _up(self._settled, self._n_max))
        elif self._computed >= self._next_trial and len(window) >= self._enough:
            self._try_next()

    def _search(self, candidates: Iterable[int]) -> None:
        self._n_slow = 0
        self._is_searching = True
        self._candidates = list(candidates)
        self._go_on()

    def _try_next(self) -> None:
        if not self._candidates:
            self._candidates = self._round()
        if self._candidates:
            self._trial = _Trial(self._candidates.pop(0))
            self._tried_since_look = True
        else:
            self._go_on()

    def _round(self) -> list[int]:
        """All above, and the next of those below: more is usually better, and a count that is too high shows.

        Not those above while no core is free, nor those below while nothing else computes and they were tried.
        """
        above, below = _up(self._settled, self._n_max), _down(self._settled)
        self._n_rounds += 1
        if self._around is not None:
            above = above if self._around.idle >= _FREE_CORE else []
            below = below if not self._knows_fewer else []
            self._knows_fewer = self._around.others < _QUIET and self._n_rounds + 1 >= len(
                _down(self._settled)
            )
        return above + below[self._n_rounds % max(len(below), 1) :][:1]

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
            return (
                trial.decodes >= _WINDOW
            )  # none of a size that is known: nothing can be learned now
        if len(ratios) == 1:
            return ratios[0] > _CLEARLY_WORSE
        return median(ratios) > (_BETTER if len(ratios) >= self._evidence else 1)

    def _go_on(self) -> None:
        """Try the next count of a search; after its last one stay with the count that was found, for a while."""
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
        around = _up(self._settled, self._n_max) + _down(self._settled)
        self._search(count for count in around if count != before)


def _size(n_tokens: int) -> int:
    """Batches of one size are compared, by what a token costs; long ones are all alike."""
    return min(n_tokens, LEAST_PROMPT)


def _up(count: int, n_max: int) -> list[int]:
    above = {n_max, (count + n_max + 1) // 2, count + 1}
    return sorted((n for n in above if count < n <= n_max), reverse=True)


def _down(count: int) -> list[int]:
    return sorted({count - 1, 3 * count // 4, count // 2} - {0}, reverse=True) if count > 1 else []


class DecodeThreads:
    """Runs llama.cpp's computations with as many threads as help at the moment, where `adapts`; else it leaves them."""

    def __init__(self, context: llama.llama_context_p, *, adapts: bool) -> None:
        self._n_max = int(llama.llama_n_threads(context))
        self._context = context
        self._adapts = adapts and self._n_max > 1
        self._is_held = False
        self._generation = ThreadController(self._n_max, evidence=5)
        self._prompt = ThreadController(self._n_max, evidence=2, patience=_PATIENCE_WITH_PROMPTS)
        self._lookout = LoadMeter(usable_cpus()) if self._adapts else None

    @contextmanager
    def held(self, *, is_held: bool) -> Iterator[None]:
        """Meanwhile tokens that come alone are computed by the same number of threads, if so: how many share an
        attention can be seen in the last digits of its result."""
        self._is_held = is_held
        try:
            yield
        finally:
            self._is_held = False

    def run(self, compute: Callable[..., int], batch: Any) -> int:
        """`llama_decode` or `llama_encode` for this batch; its result."""
        if not self._adapts:
            return compute(self._context, batch)
        n_tokens: int = batch.n_tokens
        if self._is_held and n_tokens == 1:
            llama.llama_set_n_threads(self._context, self._n_max, self._n_max)
            return compute(self._context, batch)
        controller = self._prompt if n_tokens >= LEAST_PROMPT else self._generation
        if self._lookout is not None and (around := self._lookout.look()) is not None:
            controller.see(around)
        llama.llama_set_n_threads(self._context, controller.count, controller.count)
        started = time.perf_counter()
        result = compute(self._context, batch)
        ended = time.perf_counter()
        if result == _DECODED:  # what was aborted says nothing
            controller.add(n_tokens, ended - started, ended)
        return result
