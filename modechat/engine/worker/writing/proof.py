"""Proves that a token's result is the same, bit by bit, when it is computed alone and among others.

llama.cpp may round differently: kernels for one row and for several may add in another order, and several threads share
the attention of a token that comes alone. Where replies must be reproducible, guesses are checked in batches only while
that is known to make no difference.
"""

from __future__ import annotations

from collections.abc import Callable

from modechat.domain.mode import Mode
from modechat.engine.worker.evaluation.batch import MOST_OUTPUTS, Logits
from modechat.engine.worker.evaluation.evaluator import Evaluator

_WITNESSES = 8  # tokens: kernels take rows by four, and what is left over one by one
_WORTH_PROVING = (
    7  # guesses at once: where a reply copies; a few now and then are not worth a proof's batch
)
_UNSPLIT = (
    256  # cells in use: beyond, several threads split the attention of a token that comes alone
)


class Proof:
    """What is known about a model. Lives as long as it does.

    The proof costs one batch: tokens of the reply that came one by one are taken back and evaluated at once.
    """

    def __init__(
        self,
        result: Callable[[int], bytes],
        n_threads: Callable[[], int],
        n_ctx: int,
        *,
        splits: bool = True,
        is_possible: bool = True,
    ) -> None:
        """`result` is what came out, bit by bit, at a place of the last batch; -1: the last one.

        `n_threads` compute the next token, in a cache of `n_ctx` cells. `splits` is false where
        they never share an attention, `is_possible` where results are known to differ.
        """
        self._result = result
        self._n_threads = n_threads
        self._n_ctx = n_ctx
        self._splits = splits
        self._is_possible = is_possible
        self._holds: dict[str, bool] = {}
        self._witnesses: list[tuple[int, bytes]] = []
        self._is_wanted = False

    def begin(self) -> None:
        """A reply begins."""
        self._witnesses.clear()
        self._is_wanted = False

    def may_hold(self, evaluator: Evaluator) -> bool:
        """Whether guesses are worth looking for now."""
        n_cells = evaluator.n_cells + MOST_OUTPUTS
        is_alike = not self._splits or self._n_threads() == 1 or n_cells <= _UNSPLIT
        has_order = (
            n_cells <= self._n_ctx
        )  # else what is taken back may come to other cells, and is added up otherwise
        return self._is_possible and is_alike and has_order and self._holds.get(evaluator.key, True)

    def holds(self, evaluator: Evaluator, n_guesses: int) -> bool:
        """Whether guesses may be checked in one batch now.

        Where that is not known yet, and there are so many that it is worth knowing, the next tokens will show.
        """
        if not self.may_hold(evaluator):
            return False
        is_known = evaluator.key in self._holds
        self._is_wanted = not is_known and (self._is_wanted or n_guesses >= _WORTH_PROVING)
        return is_known

    def witness(self, evaluator: Evaluator, mode: Mode, token: int) -> None:
        """`token` was evaluated alone. Proves or refutes when enough were; the last result stays in its place.

        Raises what `Evaluator.evaluate` raises.
        """
        if not self._is_wanted:
            return
        if not self.may_hold(evaluator):
            self.begin()
            return
        self._witnesses.append((token, self._result(-1)))
        if len(self._witnesses) == _WITNESSES:
            self._holds[evaluator.key] = self._compare(evaluator, mode)
            self.begin()

    def _compare(self, evaluator: Evaluator, mode: Mode) -> bool:
        tokens = [token for token, _ in self._witnesses]
        evaluator.take_back(mode, len(tokens))
        evaluator.evaluate(mode, tokens, _ignore, Logits.ALL)
        if all(self._result(place) == alone for place, (_, alone) in enumerate(self._witnesses)):
            return True
        evaluator.take_back(mode, len(tokens))
        for token in tokens:  # what follows must not differ
            evaluator.evaluate(mode, [token], _ignore)
        return False


def _ignore(_count: int) -> None:
    pass
