"""Guesses tokens with a second, small model, for the big one to check: speculative decoding.

Both have the same vocabulary.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from modechat.domain.sampling import Sampling
from modechat.domain.sequences import common_prefix_length
from modechat.engine.worker.evaluation.batch import fill_batch
from modechat.engine.worker.evaluation.memory import Memory
from modechat.engine.worker.evaluation.threads import DECODED, DecodeThreads
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.sampler import SamplerChain
from modechat.engine.worker.writing.speculation import FROM_MODEL, Draft, Guesser, GuessPolicy

_SEQUENCE = 0
_TRY_AGAIN_AFTER = 64
"""Tokens without a guess after which one is tried: it may pay now, although it did not before."""
_FEW = 3
_COMPARED = 512
"""Tokens of both vocabularies that are compared."""


class DraftModel:
    """Guesses the likeliest tokens after a text. Owns `loaded`, the draft model."""

    def __init__(self, loaded: LoadedModel, vocabulary: Vocabulary, *, adapts: bool = True) -> None:
        """`adapts` lets it compute with as many threads as help at the moment.

        Raises WorkerFailure if `loaded` has another vocabulary than `vocabulary`.
        """
        self._loaded = loaded
        _check_same(loaded, vocabulary)
        assert loaded.context is not None  # it was loaded whole
        threads = DecodeThreads(loaded.context, adapts=adapts)
        self._memory = Memory(loaded.model, loaded.context, loaded.n_ctx, loaded.n_batch, threads)
        self._greedy = SamplerChain(
            loaded.context, Sampling(temperature=0), 0, vocabulary.n_tokens, ()
        )
        self._tokens: list[int] = []
        self.seconds_per_token = 0.0
        """The seconds of a token in the last guesses; 0 before the first ones."""

    def close(self) -> None:
        self._greedy.close()
        self._memory.close()
        self._loaded.close()

    def guess(self, text: Sequence[int], count: int) -> tuple[int, ...]:
        """Guess at most `count` tokens after `text`.

        There are fewer if the model would end there, or its context is full.
        """
        if len(text) + count > self._memory.n_ctx or not self._catch_up(text):
            return ()
        started = time.perf_counter()
        guessed: list[int] = []
        while len(guessed) < count:
            guessed.append(self._greedy.sample(-1))
            if self._loaded.vocabulary.is_end(guessed[-1]):
                break
            if len(guessed) < count and not self._evaluate(guessed[-1:]):
                break
        self.seconds_per_token = (time.perf_counter() - started) / len(guessed)
        return tuple(guessed)

    def _catch_up(self, text: Sequence[int]) -> bool:
        """Evaluate the new tokens of `text`; return True if the next token can be sampled."""
        keep = common_prefix_length(self._tokens, text[:-1])
        memory = self._memory
        can_keep = memory.can_keep(_SEQUENCE, keep, len(self._tokens))
        if not can_keep or not memory.keep(_SEQUENCE, keep):
            memory.clear(_SEQUENCE)
            keep = 0
        del self._tokens[keep:]
        for start in range(keep, len(text), memory.n_batch):
            if not self._evaluate(text[start : start + memory.n_batch]):
                return False
        return True

    def _evaluate(self, tokens: Sequence[int]) -> bool:
        fill_batch(self._memory.batch, tokens, len(self._tokens), _SEQUENCE)
        if self._memory.decode() != DECODED:  # stopped by the user, or no room
            self._memory.clear(_SEQUENCE)
            self._tokens.clear()
            return False
        self._tokens.extend(tokens)
        return True


class ModelGuesser(Guesser):
    """Guesses from repetitions if there are some, else by the draft model."""

    def __init__(self, policy: GuessPolicy, prompt: Sequence[int], model: DraftModel) -> None:
        super().__init__(policy, prompt)
        self._model = model
        # So the first guess is made soon: it shows what guesses cost and how good they are.
        self._n_without = _TRY_AGAIN_AFTER

    def guess(self, limit: int) -> Draft:
        draft = super().guess(limit)
        if draft.tokens:
            return draft
        count = self._policy.n_guesses(FROM_MODEL, limit, self._model.seconds_per_token)
        self._n_without += 1
        if count == 0 and self._n_without >= _TRY_AGAIN_AFTER:
            count = min(_FEW, limit)
        if count == 0:
            return draft
        self._n_without = 0
        return Draft(self._model.guess(self._index.tokens, count), FROM_MODEL)


def _check_same(draft: LoadedModel, vocabulary: Vocabulary) -> None:
    """Raise WorkerFailure if the draft model has another vocabulary."""
    if not _are_same(draft.vocabulary, vocabulary):
        raise WorkerFailure(
            "model",
            "The draft model has another vocabulary than the model",
            "A draft model must be a smaller one of the same family, such as a 0.5B beside a 7B.",
        )


def _are_same(one: Vocabulary, other: Vocabulary) -> bool:
    if one.n_tokens != other.n_tokens:
        return False
    for token in range(0, one.n_tokens, max(1, one.n_tokens // _COMPARED)):
        if one.piece(token, special=True) != other.piece(token, special=True):
            return False
    return True
