"""One request from prompt to reply: make the prompt, evaluate it, then token after token.

Owns the order of these steps and the reasons for which a reply ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.modes import Mode
from modechat.engine.protocol import Finished, Generate, PromptProgress
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.grammar import grammar_for
from modechat.engine.worker.lanes import Aborted, Evaluator
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.prompts import Prompts
from modechat.engine.worker.reply_stream import ReplyStream
from modechat.engine.worker.sampler import SamplerChain
from modechat.engine.worker.tokens import Detokenizer
from modechat.prompting.prompt import Prompt

_ROOM_FOR_REPLY = 16  # tokens that must be free after the prompt


class Generation:
    """Answers one request. `run` emits its events; `is_stopped` is asked between tokens."""

    def __init__(
        self,
        request: Generate,
        loaded: LoadedModel,
        evaluator: Evaluator,
        prompts: Prompts,
        emit: Callable[[BaseModel], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._request = request
        self._loaded = loaded
        self._evaluator = evaluator
        self._prompts = prompts
        self._emit = emit
        self._is_stopped = is_stopped
        self._mode = Mode(request.prompt.mode)
        self._sampling = request.sampling.over(loaded.sampling_defaults())
        self._seed = random.getrandbits(31) if self._sampling.seed is None else self._sampling.seed
        self._started = time.perf_counter()
        self._first_token = 0.0

    def run(self) -> None:
        """Raises WorkerFailure."""
        made = self._prompts.make(self._request.prompt, self._request.now, self._request.thinking)
        prompt = made.tokens
        self._check_fit(len(prompt))
        reply = ReplyStream(self._request, made.prompt, self._sampling.stop, self._prompts, self._emit)
        with self._sampler(made.prompt, prompt) as sampler:
            reused = self._evaluator.reuse(self._mode, prompt)
            try:
                self._evaluate(prompt, reused)
                stop_reason = self._write(sampler, reply)
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

    def _check_fit(self, n_prompt: int) -> None:
        n_ctx = self._loaded.n_ctx
        if n_prompt == 0:
            raise WorkerFailure("engine", "The chat template makes an empty prompt of this", "Try another model.")
        room = min(_ROOM_FOR_REPLY, self._sampling.max_tokens or _ROOM_FOR_REPLY, n_ctx // 4)
        if n_prompt + room > n_ctx:
            raise WorkerFailure(
                "context",
                f"The prompt has {n_prompt:,} tokens, the context holds {n_ctx:,}",
                "Shorten the text, begin a new conversation, or give the model more room with --ctx.",
            )

    def _evaluate(self, prompt: list[int], reused: int) -> None:
        def progress(evaluated: int) -> None:
            self._emit(
                PromptProgress(id=self._request.id, evaluated=reused + evaluated, reused=reused, total=len(prompt))
            )
            if self._is_stopped():
                raise Aborted

        self._evaluator.evaluate(self._mode, prompt[reused:], progress)

    def _sampler(self, made: Prompt, prompt: list[int]) -> SamplerChain:
        vocabulary = self._loaded.vocabulary
        grammar = grammar_for(self._request, vocabulary, self._prompts.reasoning_tags, made.text)
        return SamplerChain(self._sampling, self._seed, vocabulary.n_tokens, prompt, grammar)

    def _write(self, sampler: SamplerChain, reply: ReplyStream) -> StopReason:
        vocabulary = self._loaded.vocabulary
        limit = self._sampling.max_tokens
        detokenizer = Detokenizer(vocabulary, self._prompts.shown_tokens)
        for token in self._tokens(sampler):
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

    def _tokens(self, sampler: SamplerChain) -> Iterator[int]:
        """Tokens until the context is full. Each is evaluated when the next one is asked for."""
        context = self._loaded.context
        assert context is not None  # it is not for inspecting only
        while True:
            token = sampler.sample(context)
            self._first_token = self._first_token or time.perf_counter()
            yield token
            if not self._evaluator.has_room(self._mode):
                return
            self._evaluator.evaluate(self._mode, [token], lambda _count: None)

    def _stats(
        self, prompt: Prompt, n_prompt: int, reused: int, reply: ReplyStream, stop_reason: StopReason
    ) -> ReplyStats:
        now = time.perf_counter()
        first = self._first_token or now
        # Every token after the first was evaluated since then; a reply that ended by itself has its end token too.
        evaluated = reply.n_tokens if stop_reason is StopReason.END else reply.n_tokens - 1
        return ReplyStats(
            format=prompt.format.name,
            format_source=prompt.format.source,
            prompt_tokens=n_prompt,
            reused_tokens=reused,
            completion_tokens=reply.n_tokens,
            seconds_to_first_token=first - self._started,
            tokens_per_second=evaluated / (now - first) if evaluated > 0 else 0.0,
            seed=self._seed,
            rung=prompt.rung,
            defused=prompt.defused,
            thinking_tokens=reply.n_thinking_tokens,
            leak=reply.leak,
        )
