"""Evaluates encoder-decoder models: they encode the whole prompt, and decode the reply.

The reply follows a start token. Nothing is kept between prompts: the decoder's results belong to
one encoded text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modechat.domain.mode import Mode
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.evaluation.batch import Logits, fill_batch
from modechat.engine.worker.evaluation.evaluator import Reused, failure_of
from modechat.engine.worker.evaluation.threads import DECODED, DecodeThreads
from modechat.engine.worker.model import LoadedModel


class EncoderDecoder:
    """The `Evaluator` of an encoder-decoder model."""

    def __init__(self, loaded: LoadedModel, threads: DecodeThreads) -> None:
        assert loaded.context is not None  # the model was loaded whole
        memory = llama.llama_get_memory(loaded.context)
        assert memory is not None  # models without memory are not loaded
        self._threads = threads
        self._memory = memory
        self._n_ctx = loaded.n_ctx
        self._start = loaded.decoder_start
        self._batch = llama.llama_batch_init(loaded.n_batch, 0, 1)
        self._n_decoded = 0
        self._is_encoded = False
        self.n_evaluated = 0

    @property
    def can_take_back(self) -> bool:
        return False

    def close(self) -> None:
        llama.llama_batch_free(self._batch)

    def reuse(
        self,
        mode: Mode,  # noqa: ARG002
        prompt: Sequence[int],  # noqa: ARG002
        *,
        n_left_out: int = 0,  # noqa: ARG002
        key: str = "",  # noqa: ARG002
        label: str = "",  # noqa: ARG002
        is_reproducible: bool = False,  # noqa: ARG002
    ) -> Reused:
        llama.llama_memory_clear(self._memory, True)
        self._n_decoded = 0
        self._is_encoded = False
        return Reused(0)

    def evaluate(
        self,
        mode: Mode,  # noqa: ARG002
        tokens: Sequence[int],
        on_progress: Callable[[int], None],
        logits: Logits = Logits.LAST,  # noqa: ARG002
    ) -> None:
        """See Evaluator.evaluate.

        The first tokens after `reuse` are the prompt, later ones the reply's.
        """
        if self._is_encoded:
            self._run(llama.llama_decode, tokens, self._n_decoded)
            self._n_decoded += len(tokens)
            return
        self._run(llama.llama_encode, tokens, 0)
        self._is_encoded = True
        self._run(llama.llama_decode, [self._start], 0)
        self._n_decoded = 1
        on_progress(len(tokens))

    def take_back(self, mode: Mode, count: int) -> None:
        raise NotImplementedError("nothing is guessed here")

    def room(self, mode: Mode) -> int:  # noqa: ARG002
        return self._n_ctx - self._n_decoded

    def save(self) -> None:
        """Do nothing: nothing outlives a prompt."""

    def _run(self, compute: Callable[..., int], tokens: Sequence[int], position: int) -> None:
        fill_batch(self._batch, tokens, position, sequence=0)
        result = self._threads.run(compute, self._batch)
        if result != DECODED:
            raise failure_of(result)
        self.n_evaluated += len(tokens)
