"""The lanes: sequences of one KV cache, each with the tokens of a prompt and its reply.

Chat and instruct turns, and branches after a regenerate or an edit, take lanes of their own, so that none disturbs
the other; what they have in common is shared. A new prompt begins with the lane that has most of it. Where the room
ends, the least recently used lane is given up first.

Owns what is in the cache. A lane's `tokens` are exactly those that the cache holds for it, always: after an abort, a
failure or a cut as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from modechat.domain.mode import Mode
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.batch import Logits, fill_batch
from modechat.engine.worker.evaluation.checkpoints import Checkpoint, Checkpoints
from modechat.engine.worker.evaluation.evaluator import Aborted, Reused
from modechat.engine.worker.evaluation.memory import ABORTED, DECODED, NO_ROOM, Memory
from modechat.engine.worker.evaluation.saved_lanes import SavedLanes
from modechat.engine.worker.failure import WorkerFailure

_WORTH_KEEPING = 16  # tokens: a lane that would lose fewer to a new prompt is cut, one that would lose more is branched
_MOST_TRIES = 32  # places at which the rest of a shortened chat is looked for
_WORTH_A_CHECKPOINT = 32  # tokens that a checkpoint must save from being evaluated again


@dataclass(slots=True)
class Lane:
    sequence: int
    tokens: list[int] = field(default_factory=list)
    key: str = ""
    """What the cache depends on besides the tokens: the adapters that were applied."""
    used: int = 0
    """When it was used last, in requests."""
    mode: Mode = Mode.CHAT
    label: str = ""
    """The conversation that it is kept as on disk; empty: it is not."""
    n_exact: int | None = None
    """How many of the tokens were evaluated after exactly those before them; None: all. Behind messages that have left
    a full context they were not: they are of use to that conversation alone."""
    n_left_out: int = 0
    """How many messages have left, where some tokens are not exact."""

    def keep(self, count: int) -> None:
        """Forget all tokens but the first `count`."""
        del self.tokens[count:]
        if self.n_exact is not None and count <= self.n_exact:
            self.n_exact, self.n_left_out = None, 0


@dataclass(frozen=True, slots=True)
class _Find:
    """A lane that has the first `n_tokens` of a prompt, at a checkpoint if its memory cannot be cut there."""

    lane: Lane
    n_tokens: int
    n_common: int
    checkpoint: Checkpoint | None = None

    @property
    def n_lost(self) -> int:
        """Tokens that the lane would lose if it was cut."""
        return len(self.lane.tokens) - self.n_tokens


class Lanes:
    """The `Evaluator` of models that see what came before."""

    def __init__(self, memory: Memory, saved: SavedLanes | None = None) -> None:
        self._memory = memory
        self._saved = saved
        self._checkpoints = Checkpoints(memory)
        self._lanes = [Lane(sequence) for sequence in range(memory.n_sequences)]
        self._current: dict[Mode, Lane] = {}
        self._requests = 0
        self._mark: int | None = None
        self._label = ""
        self._n_left_out = 0
        self._key = ""
        """That of the request; lanes of other ones are of no use."""
        self.n_evaluated = 0

    def close(self) -> None:
        self._memory.close()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(self._lanes)

    @property
    def can_take_back(self) -> bool:
        return self._memory.can_take_back

    def forget(self) -> None:
        """Empty all lanes."""
        for lane in self._lanes:
            self._empty(lane)

    # Where a prompt begins

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
        """Begin with `prompt` in the lane that has most of it.

        At least one token is left to evaluate: the next one is sampled from its result.
        """
        self._requests += 1
        self._mark = None
        self._key, self._label, self._n_left_out = key, label, n_left_out
        self._shift(mode, prompt)
        found = self._find(prompt)
        n_restored = self._restore(label, prompt, found.n_tokens if found is not None else 0)
        if n_restored:
            found = self._find(prompt)
        is_again = is_reproducible and found is not None and found.n_tokens == len(prompt) - 1
        lane = self._begin(mode, found, is_again=is_again)
        lane.mode, lane.key, lane.used, lane.label = mode, self._key, self._requests, label
        self._current[mode] = lane
        if found is not None and found.n_common - len(lane.tokens) >= _WORTH_A_CHECKPOINT:
            self._mark = found.n_common  # prompts part here: the next one may as well
        return Reused(len(lane.tokens), min(n_restored, len(lane.tokens)))

    def _find(self, prompt: Sequence[int]) -> _Find | None:
        """The lane that has most of `prompt`."""
        finds = [
            self._look(lane, prompt)
            for lane in self._lanes
            if lane.tokens and lane.key == self._key
        ]
        found = max(
            finds, key=lambda find: (find.n_tokens, -find.n_lost, find.lane.used), default=None
        )
        return found if found is not None and found.n_common else None

    def _look(self, lane: Lane, prompt: Sequence[int]) -> _Find:
        common = self._common(lane, prompt)
        if self._memory.can_keep(lane.sequence, common, len(lane.tokens)):
            return _Find(lane, common, common)
        checkpoint = self._checkpoints.newest(prompt[:common], lane.key)
        return _Find(lane, checkpoint.n_tokens if checkpoint else 0, common, checkpoint)

    def _common(self, lane: Lane, prompt: Sequence[int]) -> int:
        """How many of its tokens the lane has for `prompt`."""
        common = common_prefix_length(lane.tokens, prompt[:-1])
        if lane.n_exact is None or (
            self._n_left_out and (lane.n_left_out, lane.label) == (self._n_left_out, self._label)
        ):
            return common
        return min(common, lane.n_exact)

    def _begin(self, mode: Mode, found: _Find | None, *, is_again: bool = False) -> Lane:
        """The lane for the new prompt, cut back to what is reused. `is_again`: without its last reply, whatever that
        costs."""
        if found is None or found.n_tokens == 0:
            lane = self._victim(mode, spared=None)
            self._empty(lane)
            return lane
        source = found.lane
        is_own = self._current.get(source.mode) is not source or source.mode is mode
        if is_own and (is_again or found.n_lost <= _WORTH_KEEPING or not self._memory.can_branch):
            self._cut(source, found)
            return source
        if not self._memory.can_branch:
            return self._begin(mode, None)  # another mode's lane, whose state cannot be shared
        lane = self._victim(mode, spared=source)
        self._empty(lane)
        self._memory.copy(source.sequence, lane.sequence, found.n_tokens)
        lane.tokens, lane.n_exact, lane.n_left_out = (
            list(source.tokens),
            source.n_exact,
            source.n_left_out,
        )
        lane.keep(found.n_tokens)
        self._cut(lane, found)
        return lane

    def _cut(self, lane: Lane, found: _Find) -> None:
        if found.checkpoint is not None and not self._checkpoints.restore(
            found.checkpoint, lane.sequence
        ):
            self._empty(lane)
        else:
            self._keep(lane, found.n_tokens)

    def _keep(self, lane: Lane, count: int) -> None:
        """Keep the first `count` tokens of the lane, or none where the memory cannot be cut there."""
        if not self._memory.keep(lane.sequence, count):
            count = 0
        lane.keep(count)

    def _empty(self, lane: Lane) -> None:
        self._memory.clear(lane.sequence)
        lane.keep(0)

    def _victim(self, mode: Mode, spared: Lane | None) -> Lane:
        """The lane that a new prompt of `mode` may have: an empty one, else the least recently used one, the newest
        one of the other mode last."""
        others = {lane.sequence for other, lane in self._current.items() if other is not mode}
        candidates = [lane for lane in self._lanes if lane is not spared]
        return min(
            candidates, key=lambda lane: (bool(lane.tokens), lane.sequence in others, lane.used)
        )

    def _shift(self, mode: Mode, prompt: Sequence[int]) -> None:
        """Take out of the current lane what is in the way between the beginning of `prompt` and its middle."""
        lane = self._current.get(mode)
        if lane is None or self._n_left_out <= lane.n_left_out or not self._memory.can_shift:
            return
        if (lane.key, lane.label) != (self._key, self._label):
            return
        start = common_prefix_length(lane.tokens, prompt[:-1])
        gap = _gap(lane.tokens, start, prompt)
        if not gap:
            return
        for other in self._lanes:  # their cells would move as well
            if other is not lane and common_prefix_length(other.tokens, lane.tokens) > start:
                self._empty(other)
        self._memory.take_out(lane.sequence, start, start + gap)
        del lane.tokens[start : start + gap]
        lane.n_exact, lane.n_left_out = (
            start if lane.n_exact is None else min(start, lane.n_exact),
            self._n_left_out,
        )

    # Evaluating

    def evaluate(
        self,
        mode: Mode,
        tokens: Sequence[int],
        on_progress: Callable[[int], None],
        logits: Logits = Logits.LAST,
    ) -> None:
        """Evaluate `tokens` at the end of the lane, in pieces; `on_progress` gets the count after each.

        Raises Aborted, with the pieces that were ready kept, or WorkerFailure.
        """
        lane = self._current[mode]
        done = 0
        for end in self._stops(lane, len(tokens)) if logits is Logits.LAST else [len(tokens)]:
            while done < end:
                piece = tokens[done : min(end, done + self._memory.n_batch)]
                self._decode(lane, piece, logits)
                done += len(piece)
                on_progress(done)
            if done < len(tokens):
                self._checkpoints.take(lane.sequence, lane.tokens, lane.key)

    def take_back(self, mode: Mode, count: int) -> None:
        lane = self._current[mode]
        self._keep(lane, len(lane.tokens) - count)

    def room(self, mode: Mode) -> int:
        return self._memory.n_ctx - len(self._current[mode].tokens)

    def _stops(self, lane: Lane, count: int) -> list[int]:
        """Where in the next `count` tokens to pause for a checkpoint, and their end.

        Before the last one, for the same prompt again, and where prompts parted before.
        """
        if count == 1 or self._memory.can_be_cut:
            return [count]
        stops = {count - 1, count}
        if self._mark is not None and 0 < self._mark - len(lane.tokens) < count:
            stops.add(self._mark - len(lane.tokens))
        return sorted(stops)

    def _decode(self, lane: Lane, piece: Sequence[int], logits: Logits) -> None:
        fill_batch(self._memory.batch, piece, len(lane.tokens), lane.sequence, logits)
        result = self._memory.decode()
        while result == NO_ROOM and self._give_up_another(lane):
            result = self._memory.decode()
        if result == DECODED:
            lane.tokens.extend(piece)
            self.n_evaluated += len(piece)
            return
        self._keep(lane, len(lane.tokens))
        if result == ABORTED:
            raise Aborted
        raise WorkerFailure(
            "engine",
            f"llama.cpp could not evaluate the prompt (code {result})",
            "Try again, or restart modechat.",
        )

    def _give_up_another(self, lane: Lane) -> bool:
        """Empty the least recently used lane other than `lane`; whether there was one."""
        others = [other for other in self._lanes if other is not lane and other.tokens]
        if others:
            self._empty(min(others, key=lambda other: other.used))
        return bool(others)

    # On disk

    def save(self) -> None:
        """Keep the chat's lane on disk, if there is a place for it."""
        lane = self._current.get(Mode.CHAT)
        if self._saved is not None and lane is not None and lane.label:
            self._saved.save(
                lane.label, lane.sequence, lane.tokens, _kept_key(lane.key, lane.n_left_out)
            )

    def _restore(self, label: str, prompt: Sequence[int], n_in_memory: int) -> int:
        """Bring back a lane from disk that has more of `prompt` than memory has; how many tokens of it, or 0."""
        if self._saved is None or not label:
            return 0
        found = self._saved.find(
            prompt[:-1], _kept_key(self._key, self._n_left_out), n_in_memory, self._memory.n_ctx
        )
        if found is None:
            return 0
        state, n_common = found
        path = self._saved.check(state)
        if path is None:
            return 0
        lane = self._victim(Mode.CHAT, spared=None)
        self._empty(lane)
        while not self._saved.load(state, path, lane.sequence):
            self._empty(lane)
            if not self._give_up_another(lane):
                return 0
        lane.tokens, lane.key, lane.used, lane.mode = (
            list(state.tokens),
            self._key,
            self._requests,
            Mode.CHAT,
        )
        lane.label, lane.n_left_out = state.label, self._n_left_out
        lane.n_exact = 0 if self._n_left_out else None
        return n_common


def _kept_key(key: str, n_left_out: int) -> str:
    """What a kept lane depends on besides its tokens: where messages have left, not all of it is exact."""
    return f"{key}|{n_left_out} left" if n_left_out else key


def _gap(tokens: Sequence[int], start: int, prompt: Sequence[int]) -> int:
    """How many of `tokens` from `start` on are in the way of what `prompt` goes on with there; 0: that is not found.

    The longest run that follows counts.
    """
    tries = 0
    head = tuple(prompt[start : start + _WORTH_KEEPING])
    if len(head) < _WORTH_KEEPING:
        return 0
    best, gap = 0, 0
    for begin in range(start + 1, len(tokens) - len(head) + 1):
        if tokens[begin] == head[0] and tuple(tokens[begin : begin + len(head)]) == head:
            tries += 1
            if tries > _MOST_TRIES:  # a text that repeats itself: each try takes its time
                break
            length = common_prefix_length(tokens[begin:], prompt[start:])
            if length > best:
                best, gap = length, begin - start
    return gap
