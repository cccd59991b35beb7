"""Defines the interface of evaluators: `Lanes`, or `EncoderDecoder` for models with an encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from modechat.domain.mode import Mode
from modechat.engine.worker.evaluation.batch import Logits
from modechat.engine.worker.evaluation.threads import ABORTED
from modechat.engine.worker.failure import WorkerFailure


class Aborted(Exception):
    """The user stopped the computation."""


def failure_of(result: int) -> Exception:
    """Return what an evaluator raises for a result of llama.cpp that is not DECODED."""
    if result == ABORTED:
        return Aborted()
    return WorkerFailure(
        "engine",
        f"llama.cpp could not evaluate the prompt (code {result})",
        "Try again, or restart modechat.",
    )


class Evaluator(Protocol):
    """Evaluates a prompt and then token after token, so that the next token can be sampled."""

    n_evaluated: int
    """Tokens that have been evaluated so far, over all requests."""

    def close(self) -> None:
        """Free native memory."""

    def reuse(
        self,
        mode: Mode,
        prompt: Sequence[int],
        *,
        n_left_out: int = 0,
        key: str = "",
        label: str = "",
        is_reproducible: bool = False,
    ) -> Reused:
        """Begin with `prompt`; return how many of its first tokens need no evaluation.

        `n_left_out` messages have left a full context: what followed them may move up in the cache.
        `key` names what results depend on besides the tokens: the adapters. `label` is the
        conversation, if it may be saved on disk. If `is_reproducible`, a reply to the same prompt
        uses the same cells as the reply before, because the place of cells shows in the last digits
        of results.
        """

    def evaluate(
        self,
        mode: Mode,
        tokens: Sequence[int],
        on_progress: Callable[[int], None],
        logits: Logits = Logits.LAST,
    ) -> None:
        """Evaluate the tokens that follow; `on_progress` gets the count so far.

        Raises Aborted or WorkerFailure.
        """

    def take_back(self, mode: Mode, count: int) -> None:
        """Forget the last `count` tokens: those of the last call of `evaluate`, or a few.

        This works only if `can_take_back`.
        """

    @property
    def can_take_back(self) -> bool:
        """True if evaluated tokens can be taken back, which guessing needs."""

    def room(self, mode: Mode) -> int:
        """Return how many more tokens fit into the context."""

    def save(self) -> None:
        """Save the evaluated chat on disk, if there is a place for it."""


@dataclass(frozen=True, slots=True)
class Reused:
    """The part of a prompt that needs no evaluation, in tokens."""

    n_tokens: int
    n_restored: int = 0
    """The number of tokens that came from disk."""
