"""One request after the other to an engine, each with what it took at this end of the pipe."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.sampling import Sampling
from modechat.engine.protocol import (
    ChatPrompt,
    Delta,
    Engine,
    Event,
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
    Recovered,
    Request,
    SaveLanes,
)
from modechat.errors import EngineError

E = TypeVar("E", bound=BaseModel)
_LIKELIEST = Sampling(temperature=0, stop_repetition=False)


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer, and when it came. Seconds from sending the request."""

    text: str
    stats: ReplyStats
    stop_reason: StopReason
    seconds_to_first_token: float
    """To the first piece of text."""
    tokens_in_first_piece: int
    seconds: float
    """To its end."""

    @property
    def completion_tokens(self) -> int:
        return self.stats.completion_tokens

    @property
    def evaluated_reply_tokens(self) -> int:
        """Those of the reply that the model has seen; the last one that is sampled is not evaluated."""
        return self.completion_tokens - (self.stop_reason is not StopReason.END)

    @property
    def prompt_speed(self) -> float:
        """Tokens a second that were new, from sending the request to the first text."""
        return (self.stats.prompt_tokens - self.stats.reused_tokens) / self.seconds_to_first_token

    @property
    def speed(self) -> float:
        """Tokens a second, from the first text to the end."""
        n_evaluated = (
            self.completion_tokens
            - self.tokens_in_first_piece
            + (self.stop_reason is StopReason.END)
        )
        return n_evaluated / (self.seconds - self.seconds_to_first_token)


class Connection:
    """An engine with a loaded model."""

    def __init__(
        self,
        engine: Engine,
        events: AsyncIterator[Event],
        loaded: Loaded,
        tell: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._events = events
        self._next_id = 1
        self._tell = tell
        self.model: ModelInfo = loaded.model
        self.seconds_load = loaded.seconds_load

    @classmethod
    async def load(cls, engine: Engine, request: Load, tell: Callable[[str], None]) -> Connection:
        """`tell` gets what the user should know. Raises ModechatError if the model cannot be loaded."""
        events = engine.events()
        engine.send(request)
        return cls(engine, events, await _next(events, Loaded, tell), tell)

    async def generate(
        self,
        prompt: ChatPrompt | InstructPrompt,
        max_tokens: int,
        *,
        speculate: bool = True,
        conversation: str = "",
        sampling: Sampling = _LIKELIEST,
    ) -> Timed:
        """An answer of at most `max_tokens` tokens, by default the likeliest one. Raises ModechatError."""
        request = Generate(
            id=self._next_id,
            prompt=prompt,
            sampling=sampling.model_copy(update={"max_tokens": max_tokens}),
            speculate=speculate,
            conversation=conversation,
        )
        self._next_id += 1
        started = time.perf_counter()
        self._engine.send(request)
        text, first, n_first = "", 0.0, 0
        async for event in self._events:
            match event:
                case Delta():
                    if not first:
                        first, n_first = time.perf_counter() - started, event.completion_tokens
                    text += event.text
                case Finished():
                    seconds = time.perf_counter() - started
                    return Timed(
                        text, event.stats, event.stop_reason, first or seconds, n_first, seconds
                    )
                case Recovered():
                    self._tell(event.text)
                case Loaded():  # again: the reply begins anew, and what came before does not count
                    started, text, first, n_first = time.perf_counter(), "", 0.0, 0
                case Failed():
                    raise event.as_error()
                case _:
                    pass
        raise _ended()

    async def tokens(self, prompt: ChatPrompt | InstructPrompt) -> tuple[int, ...]:
        """The tokens that a prompt is made of. Raises EngineError if there is none."""
        inspected = await self._ask(Inspect(id=0, prompt=prompt), Inspected)
        if inspected.prompt is None:
            raise EngineError(inspected.error)
        return tuple(token.id for token in inspected.prompt.tokens)

    async def measure_raw(
        self, prompt: ChatPrompt | InstructPrompt, n_generate: int
    ) -> RawMeasured:
        """Raises ModechatError."""
        return await self._ask(MeasureRaw(prompt=prompt, n_generate=n_generate), RawMeasured)

    async def save(self) -> None:
        """Keep the chat on disk; returns when it is there."""
        self._engine.send(SaveLanes())
        await self.tokens(
            InstructPrompt(instruction="saved?")
        )  # requests are answered in their order

    async def _ask(self, request: Request, kind: type[E]) -> E:
        self._engine.send(request)
        return await _next(self._events, kind, self._tell)


async def _next(events: AsyncIterator[Event], kind: type[E], tell: Callable[[str], None]) -> E:
    """The next event of this kind. Raises what the engine failed with."""
    async for event in events:
        if isinstance(event, Failed):
            raise event.as_error()
        if isinstance(event, Recovered):
            tell(event.text)
        if isinstance(event, kind):
            return event
    raise _ended()


def _ended() -> EngineError:
    return EngineError("The engine ended without an answer")
