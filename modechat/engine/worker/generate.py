"""One request from prompt to reply: render, tokenise, evaluate, then token after token.

Owns the order of these steps and the reasons for which a reply ends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from pydantic import BaseModel

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.modes import Mode, Task
from modechat.domain.text import ReplyTrimmer, StopMatcher
from modechat.engine.protocol import ChatPrompt, Delta, Finished, Generate, InstructPrompt, PromptProgress
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.lanes import Aborted, Lanes
from modechat.engine.worker.model import LoadedModel
from modechat.engine.worker.sampler import SamplerChain
from modechat.engine.worker.tokens import Detokenizer
from modechat.prompting.prompt_format import PromptFormat
from modechat.prompting.renderer import TemplateError

_SECONDS_BETWEEN_DELTAS = 0.03
_ROOM_FOR_REPLY = 16  # tokens that must be free after the prompt


class Generation:
    """Answers one request. `run` emits its events; `is_stopped` is asked between tokens."""

    def __init__(
        self,
        request: Generate,
        loaded: LoadedModel,
        lanes: Lanes,
        prompt_format: PromptFormat,
        emit: Callable[[BaseModel], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self._request = request
        self._loaded = loaded
        self._lanes = lanes
        self._format = prompt_format
        self._emit = emit
        self._is_stopped = is_stopped
        self._mode = Mode(request.prompt.mode)
        self._sampling = request.sampling.over(loaded.sampling_defaults())
        self._seed = random.getrandbits(31) if self._sampling.seed is None else self._sampling.seed
        self._reply = _ReplyStream(request, (*prompt_format.stop, *self._sampling.stop), emit)
        self._started = time.perf_counter()
        self._first_token = 0.0

    def run(self) -> None:
        """Raises WorkerFailure."""
        prompt = self._loaded.vocabulary.tokenize_prompt(self._render())
        self._check_fit(len(prompt))
        reused = self._lanes.reuse(self._mode, prompt)
        try:
            self._evaluate(prompt, reused)
            stop_reason = self._write(prompt)
        except Aborted:
            stop_reason = StopReason.STOPPED
        self._reply.finish()
        self._emit(
            Finished(
                id=self._request.id,
                stop_reason=stop_reason,
                stats=self._stats(len(prompt), reused, stop_reason),
            )
        )

    def _render(self) -> str:
        request = self._request
        try:
            match request.prompt:
                case ChatPrompt(messages=messages):
                    return self._format.render_chat(messages, request.now)
                case InstructPrompt(instruction=instruction, input=text, prefill=prefill, system=system):
                    return self._format.render_task(Task(instruction, text), system, request.now) + prefill
        except TemplateError as error:
            raise WorkerFailure(
                "engine",
                f"The model's chat template refuses this conversation: {error}",
                "Begin a new conversation, or remove the system prompt from the config.",
            ) from error

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

        self._lanes.evaluate(self._mode, prompt[reused:], progress)

    def _write(self, prompt: list[int]) -> StopReason:
        vocabulary = self._loaded.vocabulary
        limit = self._sampling.max_tokens
        detokenizer = Detokenizer(vocabulary)
        with SamplerChain(self._sampling, self._seed, vocabulary.n_tokens, prompt) as sampler:
            for token in self._tokens(sampler):
                if vocabulary.is_end(token):
                    self._reply.add(detokenizer.flush())
                    return StopReason.END
                if self._reply.add_token(detokenizer.feed(token)):
                    return StopReason.STOP_STRING
                if self._is_stopped():
                    return StopReason.STOPPED
                if limit is not None and self._reply.n_tokens >= limit:
                    return StopReason.LENGTH
        return StopReason.CONTEXT

    def _tokens(self, sampler: SamplerChain) -> Iterator[int]:
        """Tokens until the context is full. Each is evaluated when the next one is asked for."""
        while True:
            token = sampler.sample(self._loaded.context)
            self._first_token = self._first_token or time.perf_counter()
            yield token
            if not self._lanes.has_room(self._mode):
                return
            self._lanes.evaluate(self._mode, [token], lambda _count: None)

    def _stats(self, n_prompt: int, reused: int, stop_reason: StopReason) -> ReplyStats:
        now = time.perf_counter()
        first = self._first_token or now
        # Every token after the first was evaluated since then; a reply that ended by itself has its end token too.
        evaluated = self._reply.n_tokens if stop_reason is StopReason.END else self._reply.n_tokens - 1
        return ReplyStats(
            format=self._format.name,
            format_source=self._format.source,
            prompt_tokens=n_prompt,
            reused_tokens=reused,
            completion_tokens=self._reply.n_tokens,
            seconds_to_first_token=first - self._started,
            tokens_per_second=evaluated / (now - first) if evaluated > 0 else 0.0,
            seed=self._seed,
        )


class _ReplyStream:
    """The reply on its way out: stop strings cut, white space trimmed, sent in batches."""

    def __init__(self, request: Generate, stops: tuple[str, ...], emit: Callable[[BaseModel], None]) -> None:
        prefill = request.prompt.prefill if isinstance(request.prompt, InstructPrompt) else ""
        self._id = request.id
        self._emit = emit
        self._matcher = StopMatcher(stops)
        self._trimmer = ReplyTrimmer()
        self._pending = self._trimmer.feed(prefill)
        self._last_sent = 0.0
        self.n_tokens = 0

    def add_token(self, text: str) -> bool:
        """Add the text of one token; whether it completed a stop string."""
        self.n_tokens += 1
        return self.add(text)

    def add(self, text: str) -> bool:
        shown, stopped = self._matcher.feed(text)
        self._pending += self._trimmer.feed(shown)
        if time.perf_counter() - self._last_sent >= _SECONDS_BETWEEN_DELTAS:
            self._send()
        return stopped

    def finish(self) -> None:
        self._pending += self._trimmer.feed(self._matcher.flush())
        self._send()

    def _send(self) -> None:
        if self._pending:
            self._emit(Delta(id=self._id, text=self._pending, completion_tokens=self.n_tokens))
            self._pending = ""
            self._last_sent = time.perf_counter()
