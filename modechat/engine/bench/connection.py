"""Sends requests to an engine and times their answers at this end of the pipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.connection import Connection
from modechat.engine.protocol import (
    ChatPrompt,
    Delta,
    Engine,
    Failed,
    Finished,
    Generate,
    Inspect,
    Inspected,
    InstructPrompt,
    Load,
    Loaded,
    MeasureRaw,
    ModelInfo,
    RawMeasured,
    SaveLanes,
)
from modechat.errors import EngineError

_LIKELIEST = Sampling(temperature=0, stop_repetition=False)


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer with its times, in seconds from sending the request."""

    text: str
    stats: ReplyStats
    stop_reason: StopReason
    seconds_to_first_token: float
    """Seconds to the first piece of text."""
    tokens_in_first_piece: int
    seconds: float
    """Seconds to the end of the answer."""

    @property
    def completion_tokens(self) -> int:
        return self.stats.completion_tokens

    @property
    def evaluated_reply_tokens(self) -> int:
        """Tokens of the reply that were evaluated: all but the last token that was sampled."""
        return self.completion_tokens - (self.stop_reason is not StopReason.END)

    @property
    def prompt_speed(self) -> float:
        """New tokens of the prompt a second, from sending the request to the first text."""
        return (self.stats.prompt_tokens - self.stats.reused_tokens) / self.seconds_to_first_token

    @property
    def speed(self) -> float:
        """Tokens of the reply a second, from the first text to the end."""
        n_evaluated = (
            self.completion_tokens
            - self.tokens_in_first_piece
            + (self.stop_reason is StopReason.END)
        )
        return n_evaluated / (self.seconds - self.seconds_to_first_token)


class TimedConnection(Connection):
    """An engine with a loaded model, whose answers are timed at this end of the pipe."""

    def __init__(self, engine: Engine, tell: Callable[[str], None]) -> None:
        super().__init__(engine, tell)
        self._next_id = 1
        self.model: ModelInfo
        self.seconds_load = 0.0

    @classmethod
    async def load(
        cls, engine: Engine, request: Load, tell: Callable[[str], None]
    ) -> TimedConnection:
        """Load the model. `tell` gets what the user should know.

        Raises ModechatError if the model cannot be loaded.
        """
        connection = cls(engine, tell)
        loaded = await connection.ask(request, Loaded)
        connection.model = loaded.model
        connection.seconds_load = loaded.seconds_load
        return connection

    async def generate(
        self,
        prompt: ChatPrompt | InstructPrompt,
        max_tokens: int,
        *,
        speculate: bool = True,
        conversation: str = "",
        sampling: Sampling = _LIKELIEST,
    ) -> Timed:
        """Return an answer of at most `max_tokens` tokens, by default the likeliest one.

        Raises ModechatError.
        """
        request = Generate(
            id=self._next_id,
            prompt=prompt,
            sampling=sampling.model_copy(update={"max_tokens": max_tokens}),
            speculate=speculate,
            conversation=conversation,
        )
        self._next_id += 1
        started = time.perf_counter()
        self.send(request)
        text, first, n_first = "", 0.0, 0
        while True:
            match await self.next_event():
                case Delta() as delta:
                    if not first:
                        first, n_first = time.perf_counter() - started, delta.completion_tokens
                    text += delta.text
                case Finished() as finished:
                    seconds = time.perf_counter() - started
                    return Timed(
                        text=text,
                        stats=finished.stats,
                        stop_reason=finished.stop_reason,
                        seconds_to_first_token=first or seconds,
                        tokens_in_first_piece=n_first,
                        seconds=seconds,
                    )
                case Loaded():  # loaded again: the reply begins anew, without the text so far
                    started, text, first, n_first = time.perf_counter(), "", 0.0, 0
                case Failed() as failed:
                    raise failed.as_error()
                case _:
                    pass

    async def tokens(self, prompt: ChatPrompt | InstructPrompt) -> tuple[int, ...]:
        """Return the tokens of a prompt. Raises EngineError if there is none."""
        inspected = await self.ask(Inspect(id=0, prompt=prompt), Inspected)
        if inspected.prompt is None:
            raise EngineError(inspected.error)
        return tuple([token.id for token in inspected.prompt.tokens])

    async def measure_raw(
        self, prompt: ChatPrompt | InstructPrompt, n_generate: int
    ) -> RawMeasured:
        """Time llama.cpp's own loop in the worker. Raises ModechatError."""
        return await self.ask(MeasureRaw(prompt=prompt, n_generate=n_generate), RawMeasured)

    async def save(self) -> None:
        """Save the chat on disk; return when it is there."""
        self.send(SaveLanes())
        # Requests are handled in order, so the next answer comes after the saving.
        await self.tokens(InstructPrompt(instruction="saved?"))
