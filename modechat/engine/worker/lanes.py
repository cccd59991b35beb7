"""The lanes: one sequence of the KV cache for the chat and one for instruct, so that neither disturbs the other.

Owns what of which lane is in the cache. A lane's `tokens` are exactly those that the cache holds for it, always:
after an abort, a failure or a cut as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from modechat.domain.modes import Mode
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.batch import fill_batch
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.threads import DecodeThreads

DECODED = 0
_NO_ROOM = 1
ABORTED = 2


class Aborted(Exception):
    """The computation was aborted because the user stopped it."""


class Evaluator(Protocol):
    """What evaluates a prompt and then token after token, so that the next one can be sampled."""

    def close(self) -> None:
        """Free native memory."""

    def reuse(self, mode: Mode, prompt: Sequence[int]) -> int:
        """Begin with `prompt`: how many of its first tokens need no evaluation."""

    def evaluate(self, mode: Mode, tokens: Sequence[int], on_progress: Callable[[int], None]) -> None:
        """Evaluate what follows. Raises Aborted or WorkerFailure."""

    def has_room(self, mode: Mode) -> bool:
        """Whether one more token fits into the context."""


@dataclass(slots=True)
class _Lane:
    sequence: int
    tokens: list[int] = field(default_factory=list)


class Lanes:
    def __init__(self, loaded: LoadedModel, threads: DecodeThreads) -> None:
        assert loaded.context is not None  # it is not for inspecting only
        memory = llama.llama_get_memory(loaded.context)
        assert memory is not None  # models without one are not loaded
        self._threads = threads
        self._memory = memory
        self._n_ctx = loaded.n_ctx
        self._n_batch = loaded.n_batch
        self._batch = llama.llama_batch_init(loaded.n_batch, 0, 1)
        self._lanes = {mode: _Lane(sequence) for sequence, mode in enumerate(Mode)}

    def close(self) -> None:
        llama.llama_batch_free(self._batch)

    def reuse(self, mode: Mode, prompt: Sequence[int]) -> int:
        """Cut the lane back to what it has in common with `prompt`; how many tokens need no evaluation.

        At least one token is left to evaluate: the next one is sampled from its result.
        """
        lane = self._lanes[mode]
        common = common_prefix_length(lane.tokens, prompt[:-1])
        self._cut(lane, common)
        return len(lane.tokens)

    def evaluate(self, mode: Mode, tokens: Sequence[int], on_progress: Callable[[int], None]) -> None:
        """Evaluate `tokens` at the end of the lane, in pieces; `on_progress` gets the count after each.

        Raises Aborted, with the pieces that were ready kept, or WorkerFailure.
        """
        lane = self._lanes[mode]
        self._make_room(lane, len(tokens))
        for start in range(0, len(tokens), self._n_batch):
            piece = tokens[start : start + self._n_batch]
            self._decode(lane, piece)
            on_progress(start + len(piece))

    def has_room(self, mode: Mode) -> bool:
        """Whether one more token fits into the context."""
        return len(self._lanes[mode].tokens) < self._n_ctx

    def _decode(self, lane: _Lane, piece: Sequence[int]) -> None:
        fill_batch(self._batch, piece, len(lane.tokens), lane.sequence)
        result = self._threads.run(llama.llama_decode, self._batch)
        if result == _NO_ROOM and self._give_up_others(lane):
            result = self._threads.run(llama.llama_decode, self._batch)
        if result == DECODED:
            lane.tokens.extend(piece)
            return
        self._cut(lane, len(lane.tokens))
        if result == ABORTED:
            raise Aborted
        raise WorkerFailure(
            "engine",
            f"llama.cpp could not evaluate the prompt (code {result})",
            "Try again, or restart modechat.",
        )

    def _cut(self, lane: _Lane, keep: int) -> None:
        """Keep the first `keep` tokens of the lane, or none where the memory cannot be cut (recurrent models)."""
        if not llama.llama_memory_seq_rm(self._memory, lane.sequence, keep, -1):
            llama.llama_memory_seq_rm(self._memory, lane.sequence, -1, -1)
            keep = 0
        del lane.tokens[keep:]

    def _make_room(self, lane: _Lane, count: int) -> None:
        """The lanes share the context: give up the others if they are in the way."""
        used = sum(len(other.tokens) for other in self._lanes.values())
        if used + count > self._n_ctx:
            self._give_up_others(lane)

    def _give_up_others(self, lane: _Lane) -> bool:
        """Empty the other lanes; whether that freed anything."""
        others = [other for other in self._lanes.values() if other is not lane and other.tokens]
        for other in others:
            self._cut(other, 0)
        return bool(others)
