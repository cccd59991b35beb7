"""Evaluates prompts in lanes: sequences of one KV cache, each with a prompt and its reply.

Chat and instruct turns, and branches after a regenerate or an edit, take lanes of their own, so
that none disturbs the others; they share their common tokens. A new prompt begins with the lane
that has the most of it. If the room ends, the least recently used lane is given up first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modechat.domain.mode import Mode
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.batch import Logits, fill_batch
from modechat.engine.worker.evaluation.evaluator import Reused, failure_of
from modechat.engine.worker.evaluation.lane_pool import Lane, LanePool
from modechat.engine.worker.evaluation.lane_search import (
    Wanted,
    find_match,
    gap_before,
)
from modechat.engine.worker.evaluation.memory import Memory
from modechat.engine.worker.evaluation.saved_lanes import SavedLanes
from modechat.engine.worker.evaluation.threads import DECODED, NO_ROOM

_WORTH_A_CHECKPOINT = 32
"""Tokens that a checkpoint must save from being evaluated again."""


class Lanes:
    """The `Evaluator` of models that see all earlier tokens."""

    def __init__(self, memory: Memory, saved: SavedLanes | None = None) -> None:
        self._memory = memory
        self._saved = saved
        self._pool = LanePool(memory)
        self._wanted = Wanted()
        self._n_requests = 0
        self._next_checkpoint: int | None = None
        """The number of tokens after which the next prompt may differ; None: not known."""
        self.n_evaluated = 0

    def close(self) -> None:
        """See Evaluator.close."""
        self._memory.close()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return self._pool.lanes

    @property
    def can_take_back(self) -> bool:
        return self._memory.can_take_back

    def forget(self) -> None:
        """Empty all lanes."""
        self._pool.empty_all()

    # The beginning of a prompt

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
        """Begin with `prompt` in the lane that has the most of it.

        At least one token is left to evaluate: the next token is sampled from its result.
        """
        self._n_requests += 1
        self._next_checkpoint = None
        self._wanted = Wanted(key, label, n_left_out)
        self._shift(mode, prompt)
        match = find_match(self._pool, self._wanted, prompt)
        n_restored = self._restore(prompt, match.n_tokens if match is not None else 0)
        if n_restored:
            match = find_match(self._pool, self._wanted, prompt)
        is_again = is_reproducible and match is not None and match.n_tokens == len(prompt) - 1
        lane = self._pool.begin(mode, match, is_again=is_again)
        lane.mode, lane.key, lane.used, lane.label = mode, key, self._n_requests, label
        self._pool.current[mode] = lane
        if match is not None and match.n_common - len(lane.tokens) >= _WORTH_A_CHECKPOINT:
            self._next_checkpoint = match.n_common
        return Reused(len(lane.tokens), min(n_restored, len(lane.tokens)))

    def _shift(self, mode: Mode, prompt: Sequence[int]) -> None:
        """Take the messages that have left the context out of the current lane, if possible."""
        lane, wanted = self._pool.current.get(mode), self._wanted
        if lane is None or wanted.n_left_out <= lane.n_left_out or not self._memory.can_shift:
            return
        if (lane.key, lane.label) != (wanted.key, wanted.label):
            return
        start = common_prefix_length(lane.tokens, prompt[:-1])
        gap = gap_before(prompt, start, lane.tokens)
        if gap:
            self._pool.take_out(lane, start, gap)
            lane.n_left_out = wanted.n_left_out

    # Evaluating

    def evaluate(
        self,
        mode: Mode,
        tokens: Sequence[int],
        on_progress: Callable[[int], None],
        logits: Logits = Logits.LAST,
    ) -> None:
        """Evaluate `tokens` at the end of the lane, in pieces.

        `on_progress` gets the count after each piece. Raises WorkerFailure, or Aborted; then the
        finished pieces are kept.
        """
        lane = self._pool.current[mode]
        stops = self._stops(lane, len(tokens)) if logits is Logits.LAST else [len(tokens)]
        done = 0
        for end in stops:
            while done < end:
                piece = tokens[done : min(end, done + self._memory.n_batch)]
                self._decode(lane, piece, logits)
                done += len(piece)
                on_progress(done)
            if done < len(tokens):
                self._pool.checkpoints.add(lane.sequence, lane.tokens, lane.key)

    def take_back(self, mode: Mode, count: int) -> None:
        """See Evaluator.take_back."""
        lane = self._pool.current[mode]
        self._pool.keep(lane, len(lane.tokens) - count)

    def room(self, mode: Mode) -> int:
        """See Evaluator.room."""
        return self._memory.n_ctx - len(self._pool.current[mode].tokens)

    def _stops(self, lane: Lane, count: int) -> list[int]:
        """Return where to pause for a checkpoint within the next `count` tokens, and their end.

        The pauses are before the last token, for the same prompt again, and where earlier prompts
        parted.
        """
        if count == 1 or self._memory.can_be_cut:
            return [count]
        stops = {count - 1, count}
        if self._next_checkpoint is not None:
            stop = self._next_checkpoint - len(lane.tokens)
            if 0 < stop < count:
                stops.add(stop)
        return sorted(stops)

    def _decode(self, lane: Lane, piece: Sequence[int], logits: Logits) -> None:
        fill_batch(self._memory.batch, piece, len(lane.tokens), lane.sequence, logits)
        result = self._memory.decode()
        while result == NO_ROOM and self._pool.give_up_another(lane):
            result = self._memory.decode()
        if result == DECODED:
            lane.tokens.extend(piece)
            self.n_evaluated += len(piece)
            return
        self._pool.keep(lane, len(lane.tokens))
        raise failure_of(result)

    # On disk

    def save(self) -> None:
        """Save the chat's lane on disk, if there is a place for it."""
        lane = self._pool.current.get(Mode.CHAT)
        if self._saved is not None and lane is not None and lane.label:
            key = Wanted(lane.key, lane.label, lane.n_left_out).saved_key
            self._saved.save(lane.label, lane.sequence, lane.tokens, key)

    def _restore(self, prompt: Sequence[int], n_in_memory: int) -> int:
        """Bring back a lane from disk that has more of `prompt` than memory has.

        Returns how many of the prompt's tokens it has; 0 if there is no such lane.
        """
        wanted = self._wanted
        if self._saved is None or not wanted.label:
            return 0
        found = self._saved.find(prompt[:-1], wanted.saved_key, n_in_memory, self._memory.n_ctx)
        if found is None:
            return 0
        state, n_common = found
        path = self._saved.check(state)
        if path is None:
            return 0
        lane = self._pool.victim(Mode.CHAT)
        self._pool.empty(lane)
        while not self._saved.load(state, path, lane.sequence):
            self._pool.empty(lane)
            if not self._pool.give_up_another(lane):
                return 0
        lane.tokens = list(state.tokens)
        lane.key, lane.label, lane.mode = wanted.key, state.label, Mode.CHAT
        lane.used, lane.n_left_out = self._n_requests, wanted.n_left_out
        lane.n_exact = 0 if wanted.n_left_out else None
        return n_common
