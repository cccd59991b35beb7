"""Cuts, shares and empties the lanes of one KV cache.

Owns the content of the cache. A lane's `tokens` are always exactly those that the cache holds for
it, even after an abort, a failure or a cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from modechat.domain.mode import Mode
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.checkpoints import Checkpoint, Checkpoints
from modechat.engine.worker.evaluation.memory import Memory

WORTH_KEEPING = 16
"""Tokens. A lane that would lose no more to a new prompt is cut, any other lane is branched."""


@dataclass(slots=True)
class Lane:
    """A sequence of the KV cache, with the tokens of a prompt and its reply."""

    sequence: int
    tokens: list[int] = field(default_factory=list)
    key: str = ""
    """The name of the adapters that were applied: the cache depends on them, too."""
    used: int = 0
    """The number of the request that used the lane last."""
    mode: Mode = Mode.CHAT
    label: str = ""
    """The conversation that the lane is saved as on disk; empty: it is not saved."""
    n_exact: int | None = None
    """The number of tokens evaluated after exactly those before them; None: all.

    Tokens after messages that have left a full context are not exact: only that conversation can
    use them.
    """
    n_left_out: int = 0
    """The number of messages that have left the context; 0 if all tokens are exact."""

    def keep(self, count: int) -> None:
        """Forget all tokens but the first `count`."""
        del self.tokens[count:]
        if self.n_exact is not None and count <= self.n_exact:
            self.n_exact, self.n_left_out = None, 0


@dataclass(frozen=True, slots=True)
class Match:
    """A lane that has the first `n_tokens` of a prompt, perhaps through a checkpoint."""

    lane: Lane
    n_tokens: int
    n_common: int
    """Tokens of the prompt that the lane has, even if its memory cannot go on after them."""
    checkpoint: Checkpoint | None = None

    @property
    def n_lost(self) -> int:
        """Tokens that the lane would lose if it was cut."""
        return len(self.lane.tokens) - self.n_tokens


class LanePool:
    """Keeps the lanes and the memory in step."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.checkpoints = Checkpoints(memory)
        self.lanes = tuple(Lane(sequence) for sequence in range(memory.n_sequences))
        self.current: dict[Mode, Lane] = {}
        """The newest lane of each mode."""

    def empty(self, lane: Lane) -> None:
        """Forget all tokens of the lane."""
        self.memory.clear(lane.sequence)
        lane.keep(0)

    def empty_all(self) -> None:
        """Forget everything."""
        for lane in self.lanes:
            self.empty(lane)

    def keep(self, lane: Lane, count: int) -> None:
        """Keep the first `count` tokens of the lane, or none if the memory cannot be cut there."""
        if not self.memory.keep(lane.sequence, count):
            count = 0
        lane.keep(count)

    def cut(self, lane: Lane, match: Match) -> None:
        """Cut the lane, which has the tokens of the match, back to those that are reused."""
        checkpoint = match.checkpoint
        if checkpoint is not None and not self.checkpoints.restore(checkpoint, lane.sequence):
            self.empty(lane)
        else:
            self.keep(lane, match.n_tokens)

    def branch(self, match: Match, lane: Lane) -> None:
        """Share the tokens of the match with another lane, which loses its own."""
        self.empty(lane)
        source = match.lane
        self.memory.copy(source.sequence, lane.sequence, match.n_tokens)
        lane.tokens = list(source.tokens)
        lane.n_exact, lane.n_left_out = source.n_exact, source.n_left_out
        lane.keep(match.n_tokens)
        self.cut(lane, match)

    def take_out(self, lane: Lane, start: int, count: int) -> None:
        """Take `count` tokens out of the lane; those that follow move up.

        Their cells would move in other lanes too, so lanes that share them are emptied.
        """
        for other in self.lanes:
            if other is not lane and common_prefix_length(other.tokens, lane.tokens) > start:
                self.empty(other)
        self.memory.take_out(lane.sequence, start, start + count)
        del lane.tokens[start : start + count]
        lane.n_exact = start if lane.n_exact is None else min(start, lane.n_exact)

    def begin(self, mode: Mode, match: Match | None, *, is_again: bool) -> Lane:
        """Return the lane for a new prompt, cut back to the tokens that are reused.

        If `is_again`, cut it to just before its last reply, whatever that costs.
        """
        can_branch = self.memory.can_branch
        if match is not None and match.n_tokens:
            source = match.lane
            is_of_other_mode = source.mode is not mode
            is_free = not (is_of_other_mode and self.current.get(source.mode) is source)
            is_cheap = is_again or match.n_lost <= WORTH_KEEPING
            if is_free and (is_cheap or not can_branch):
                self.cut(source, match)
                return source
            if can_branch:
                lane = self.victim(mode, spared=source)
                self.branch(match, lane)
                return lane
            # The state of the other mode's lane cannot be shared: nothing is reused.
        lane = self.victim(mode)
        self.empty(lane)
        return lane

    def victim(self, mode: Mode, spared: Lane | None = None) -> Lane:
        """Return the lane that a new prompt of `mode` may take, other than `spared`.

        An empty lane comes first, then the least recently used one; the newest lane of the other
        mode comes last.
        """
        newest_of_other = self.current.get(mode.other)

        def order(lane: Lane) -> tuple[bool, bool, int]:
            return bool(lane.tokens), lane is newest_of_other, lane.used

        return min((lane for lane in self.lanes if lane is not spared), key=order)

    def give_up_another(self, lane: Lane) -> bool:
        """Empty the least recently used lane except `lane`.

        Return False if all others are empty.
        """
        others = [other for other in self.lanes if other is not lane and other.tokens]
        if not others:
            return False
        self.empty(min(others, key=_last_use))
        return True


def _last_use(lane: Lane) -> int:
    return lane.used
