"""Answers one request: makes a prompt that fits, evaluates it, then writes token after token.

Owns the order of these steps and the reasons for the end of a reply.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from pydantic import BaseModel

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.mode import Mode
from modechat.engine.protocol import ChatPrompt, Finished, Generate, PromptProgress, Shortened
from modechat.engine.worker.evaluation.adapters import Adapters
from modechat.engine.worker.evaluation.evaluator import Aborted, Evaluator, Reused
from modechat.engine.worker.evaluation.threads import DecodeThreads
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.prompts import Prompts, TokenizedPrompt
from modechat.engine.worker.tokens import Detokenizer
from modechat.engine.worker.writing.constraint import grammar_for
from modechat.engine.worker.writing.decoding import decode
from modechat.engine.worker.writing.overflow import fit
from modechat.engine.worker.writing.reply_stream import ReplyStream
from modechat.engine.worker.writing.sampler import ConstrainedSampler, SamplerChain
from modechat.engine.worker.writing.speculation import Guesser, NoGuesses
from modechat.prompting.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Guessing:
    """The settings for guessing tokens with a loaded model."""

    guesser_for: Callable[[Sequence[int]], Guesser]
    """Makes the guesser for a prompt."""
    is_always: bool
    """True to guess for greedy and seeded replies too, although rounding may change them."""


@dataclass(frozen=True, slots=True)
class WritingParts:
    """The parts of a loaded model that a reply needs."""

    evaluator: Evaluator
    threads: DecodeThreads
    adapters: Adapters
    guessing: Guessing | None
    """None: nothing is guessed."""


class Generation:
    """Answers one request. `run` emits its events; `is_stopped` is called between tokens."""

    def __init__(
        self,
        request: Generate,
        loaded: LoadedModel,
        prompts: Prompts,
        parts: WritingParts,
        emit: Callable[[BaseModel], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._request = request
        self._loaded = loaded
        self._prompts = prompts
        self._evaluator = parts.evaluator
        self._threads = parts.threads
        self._adapters = parts.adapters
        self._guessing = parts.guessing
        self._guesser: Guesser | NoGuesses = NoGuesses()
        self._emit = emit
        self._is_stopped = is_stopped
        self._mode = Mode(request.prompt.mode)
        self._sampling = request.sampling.over(loaded.sampling_defaults())
        seed = self._sampling.seed
        self._seed = random.getrandbits(31) if seed is None else seed
        self._started = time.perf_counter()
        self._evaluated_before = self._evaluator.n_evaluated
        self._first_token = 0.0

    def run(self) -> None:
        """Answer the request. Raises WorkerFailure."""
        made, n_left_out = self._make()
        prompt = made.tokens
        with self._sampler(made.prompt, prompt) as sampler:
            reply = ReplyStream(
                self._request,
                made.prompt,
                self._sampling,
                self._prompts,
                self._emit,
                sampler.has_choice,
            )
            reused = self._evaluator.reuse(
                self._mode,
                prompt,
                n_left_out=n_left_out,
                key=self._adapters.apply(self._mode),
                label=self._label,
                is_reproducible=self._is_reproducible,
            )
            try:
                self._evaluate(prompt, reused.n_tokens)
                with self._threads.held(is_held=self._is_reproducible):
                    stop_reason = self._write(prompt, sampler, reply)
            except Aborted:
                stop_reason = StopReason.STOPPED
        reply.finish()
        self._emit(
            Finished(
                id=self._request.id,
                stop_reason=stop_reason,
                stats=self._stats(made.prompt, len(prompt), reused, reply, stop_reason),
            )
        )

    def _make(self) -> tuple[TokenizedPrompt, int]:
        """Make the prompt; also return how many messages of its chat have left the context."""
        request = self._request
        make = partial(self._prompts.make, now=request.now, thinking=request.thinking)
        fitted = fit(request.prompt, make, self._loaded.n_ctx, self._sampling.max_tokens)
        prompt = request.prompt
        if isinstance(prompt, ChatPrompt) and fitted.n_left_out > prompt.n_left_out:
            self._emit(Shortened(id=request.id, n_left_out=fitted.n_left_out))
        return fitted.made, fitted.n_left_out

    def _evaluate(self, prompt: list[int], reused: int) -> None:
        """Evaluate the tokens of `prompt` from `reused` on. Raises Aborted or WorkerFailure."""
        pieces = [prompt[reused:]]
        if self._is_reproducible and self._evaluator.can_take_back:
            # The last token is evaluated alone, as it is when the same prompt comes again and all
            # other tokens are there. Memories that cannot take tokens back do this by themselves.
            pieces = [prompt[reused:-1], prompt[-1:]]
        done = reused
        for piece in pieces:
            if piece:
                report = partial(self._report_progress, reused, done, len(prompt))
                self._evaluator.evaluate(self._mode, piece, report)
                done += len(piece)

    def _report_progress(self, reused: int, before: int, total: int, evaluated: int) -> None:
        """Report how many tokens of the prompt are there.

        Raises Aborted if the reply was stopped.
        """
        self._emit(
            PromptProgress(
                id=self._request.id, evaluated=before + evaluated, reused=reused, total=total
            )
        )
        if self._is_stopped():
            raise Aborted

    @property
    def _label(self) -> str:
        """The conversation, if its state may be kept on disk."""
        return self._request.conversation if self._mode is Mode.CHAT else ""

    @property
    def _is_reproducible(self) -> bool:
        """True if the user may expect the same reply again, to the letter."""
        return self._sampling.is_greedy or self._request.sampling.seed is not None

    def _make_guesser(self, prompt: list[int]) -> Guesser | NoGuesses:
        """Make the guesser for `prompt`.

        Nothing is guessed for greedy and seeded replies, unless the user wants it.
        """
        guessing = self._guessing
        if guessing is None or not self._request.speculate or not self._evaluator.can_take_back:
            return NoGuesses()
        if self._is_reproducible and not guessing.is_always:
            return NoGuesses()
        return guessing.guesser_for(prompt)

    def _sampler(self, made: Prompt, prompt: list[int]) -> SamplerChain:
        vocabulary, context = self._loaded.vocabulary, self._loaded.context
        assert context is not None  # the model was loaded whole
        grammar = grammar_for(self._request, vocabulary, self._prompts.reasoning_tags, made.text)
        if grammar is None:
            return SamplerChain(context, self._sampling, self._seed, vocabulary.n_tokens, prompt)
        return ConstrainedSampler(
            context, self._sampling, self._seed, vocabulary.n_tokens, prompt, grammar
        )

    def _write(self, prompt: list[int], sampler: SamplerChain, reply: ReplyStream) -> StopReason:
        vocabulary = self._loaded.vocabulary
        limit = self._sampling.max_tokens
        detokenizer = Detokenizer(vocabulary, self._prompts.shown_tokens)
        self._guesser = self._make_guesser(prompt)
        with closing(decode(self._evaluator, self._mode, sampler, self._guesser)) as tokens:
            for token in tokens:
                self._first_token = self._first_token or time.perf_counter()
                if vocabulary.is_end(token):
                    reply.add(detokenizer.flush())
                    return StopReason.END
                if ended := reply.add_token(detokenizer.feed(token)):
                    return ended
                if self._is_stopped():
                    return StopReason.STOPPED
                if limit is not None and reply.n_tokens >= limit:
                    return StopReason.END if sampler.must_end() else StopReason.LENGTH
        return StopReason.END if sampler.must_end() else StopReason.CONTEXT

    def _stats(
        self,
        prompt: Prompt,
        n_prompt: int,
        reused: Reused,
        reply: ReplyStream,
        stop_reason: StopReason,
    ) -> ReplyStats:
        now = time.perf_counter()
        first = self._first_token or now
        evaluated = reply.n_tokens - 1  # every token after the first was evaluated since then
        if stop_reason is StopReason.END:
            evaluated += 1  # the token of the reply's end
        return ReplyStats(
            format=prompt.format.name,
            format_source=prompt.format.source,
            prompt_tokens=n_prompt,
            reused_tokens=reused.n_tokens,
            completion_tokens=reply.n_tokens,
            seconds_to_first_token=first - self._started,
            tokens_per_second=evaluated / (now - first) if evaluated > 0 else 0.0,
            seed=self._seed,
            fallback=prompt.fallback,
            refusal=prompt.refusal,
            neutralised=prompt.neutralised,
            thinking_tokens=reply.n_thinking_tokens,
            leak=reply.leak,
            repeated=reply.n_repeated,
            evaluated_tokens=self._evaluator.n_evaluated - self._evaluated_before,
            restored_tokens=reused.n_restored,
            drafted_tokens=self._guesser.n_guessed,
            accepted_tokens=self._guesser.n_right,
        )
