"""Finds the lane that has the most of a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.lane_pool import WORTH_KEEPING, Lane, LanePool, Match

_MOST_TRIES = 32
"""The most places where the rest of a shortened chat is searched for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Describes the lanes that are of use to a request."""

    key: str = ""
    label: str = ""
    n_left_out: int = 0

    @property
    def saved_key(self) -> str:
        """The key of a lane on disk.

        It also names how many messages have left, because then not all of the lane is exact.
        """
        return f"{self.key}|{self.n_left_out} left" if self.n_left_out else self.key

    def n_common(self, lane: Lane, prompt: Sequence[int]) -> int:
        """Return how many of the first tokens of `prompt` the lane has and may give."""
        common = common_prefix_length(lane.tokens, prompt[:-1])
        if lane.n_exact is None:
            return common
        if self.n_left_out and (lane.n_left_out, lane.label) == (self.n_left_out, self.label):
            return common
        return min(common, lane.n_exact)


def find_match(pool: LanePool, wanted: Wanted, prompt: Sequence[int]) -> Match | None:
    """Return the lane that has the most of `prompt`; None if no lane has any of it."""
    best: Match | None = None
    for lane in pool.lanes:
        if lane.tokens and lane.key == wanted.key:
            match = _match(pool, lane, wanted.n_common(lane, prompt), prompt)
            if best is None or _rank(match) > _rank(best):
                best = match
    return best if best is not None and best.n_common else None


def _match(pool: LanePool, lane: Lane, n_common: int, prompt: Sequence[int]) -> Match:
    if pool.memory.can_keep(lane.sequence, n_common, len(lane.tokens)):
        return Match(lane, n_common, n_common)
    checkpoint = pool.checkpoints.newest(prompt[:n_common], lane.key)
    return Match(lane, checkpoint.n_tokens if checkpoint else 0, n_common, checkpoint)


def _rank(match: Match) -> tuple[int, int, int]:
    return match.n_tokens, -match.n_lost, match.lane.used


def gap_before(prompt: Sequence[int], start: int, tokens: Sequence[int]) -> int:
    """Return how many tokens to take out at `start`, so that `tokens` goes on there like `prompt`.

    If several places fit, the one with the longest common run counts. Returns 0 if none does.
    """
    head = tuple(prompt[start : start + WORTH_KEEPING])
    if len(head) < WORTH_KEEPING:
        return 0
    best, gap, n_tries = 0, 0, 0
    for begin in range(start + 1, len(tokens) - len(head) + 1):
        if tokens[begin] == head[0] and tuple(tokens[begin : begin + len(head)]) == head:
            n_tries += 1
            if n_tries > _MOST_TRIES:  # the text repeats itself, and each try takes time
                break
            length = common_prefix_length(tokens[begin:], prompt[start:])
            if length > best:
                best, gap = length, begin - start
    return gap
