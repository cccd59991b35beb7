"""Talks with an engine over the protocol, as a front end does."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modechat.domain.conversation import Message, Role
from modechat.domain.sampling import Sampling
from modechat.engine.client import WorkerEngine
from modechat.engine.connection import Connection
from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import (
    ChatPrompt,
    Delta,
    Engine,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Heartbeat,
    Inspect,
    Inspected,
    InstructPrompt,
    Load,
    Loaded,
    LoadProgress,
    PromptProgress,
    Request,
    Shortened,
    Stop,
    UseFormat,
)
from modechat.prompt_files import load_prompt_files
from modechat.prompting.formats import NamedFormat
from tests.cpu_extras import cpu_extras

GREEDY = Sampling(temperature=0, stop_repetition=False)  # tiny models say little else than the same
_SECONDS = 60


def formats() -> tuple[NamedFormat, ...]:
    """Those that ship with modechat."""
    return load_prompt_files(own=Path("/nonexistent")).formats


def chat(*texts: str) -> ChatPrompt:
    """A chat of these texts, user and assistant in turn; the last is the user's."""
    roles = (Role.USER, Role.ASSISTANT)
    return ChatPrompt(messages=tuple(Message(roles[i % 2], text) for i, text in enumerate(texts)))


@dataclass
class Answer:
    """The events of one request."""

    deltas: list[Delta] = field(default_factory=list)
    progress: list[PromptProgress] = field(default_factory=list)
    end: Finished | Failed | None = None
    shortened: Shortened | None = None

    @property
    def text(self) -> str:
        return "".join(delta.text for delta in self.deltas)

    @property
    def finished(self) -> Finished:
        assert isinstance(self.end, Finished), self.end
        return self.end

    @property
    def failed(self) -> Failed:
        assert isinstance(self.end, Failed), self.end
        return self.end


_first_ids = itertools.count(1, 1000)
"""Of the requests of each driver: no two that use the same worker give the same number."""


class Driver:
    def __init__(self, engine: Engine, seconds: float = _SECONDS) -> None:
        """`seconds` is how long an event may take to come."""
        self.engine = engine
        self._seconds = seconds
        self._connection = Connection(engine, print)
        self._next_id = next(_first_ids)

    async def next_event(self) -> Event:
        return await asyncio.wait_for(self._connection.next_event(), _SECONDS)

    async def load(
        self, model: Path, *, n_ctx: int | None = None, format: str | None = None
    ) -> Loaded | Failed:
        load = Load(
            model_path=str(model),
            n_ctx=n_ctx,
            n_gpu_layers=0,
            n_threads=1,  # tests run beside it
            formats=formats(),
            format=format,
            cpu_extras=cpu_extras(),
        )
        answer: Loaded | Failed = await self.ask(load, Loaded | Failed)
        return answer

    async def use_format(self, name: str | None) -> FormatChanged:
        answer: FormatChanged = await self.ask(UseFormat(format=name), FormatChanged)
        return answer

    async def inspect(
        self, prompt: ChatPrompt | InstructPrompt, format: str | None = None
    ) -> PromptView:
        answer: Inspected = await self.ask(Inspect(id=1, prompt=prompt, format=format), Inspected)
        assert answer.prompt is not None, answer.error
        return answer.prompt

    async def ask(self, request: Request, kind: Any) -> Any:
        """Send a request; the first event of this kind after it."""
        self.engine.send(request)
        while not isinstance(event := await self.next_event(), kind):
            pass
        return event

    def repeat_number(self) -> None:
        """The next request has the number of the last one."""
        self._next_id -= 1

    async def generate(
        self,
        prompt: ChatPrompt | InstructPrompt,
        sampling: Sampling = GREEDY,
        *,
        stop_when: Callable[[Event], bool] = lambda _event: False,
        conversation: str = "",
        schema: object = None,
        grammar: str | None = None,
    ) -> Answer:
        """The answer to `prompt`; asks to stop at the first event for which `stop_when` holds."""
        request = Generate(
            id=self._next_id,
            prompt=prompt,
            sampling=sampling,
            schema_text=None if schema is None else json.dumps(schema),
            grammar=grammar,
            conversation=conversation,
        )
        self._next_id += 1
        self.engine.send(request)
        answer = Answer()
        while answer.end is None:
            event = await self.next_event()
            match event:
                case Delta():
                    answer.deltas.append(event)
                case PromptProgress():
                    answer.progress.append(event)
                case Finished() | Failed():
                    answer.end = event
                case Shortened():
                    answer.shortened = event
                case Loaded() | LoadProgress() | Heartbeat():
                    pass
                case _:
                    raise AssertionError(event)
            if stop_when(event):
                self.engine.send(Stop(id=request.id))
        return answer


@asynccontextmanager
async def running_engine(
    model: Path | None = None, *, n_ctx: int | None = None, format: str | None = None
) -> AsyncIterator[Driver]:
    """Start a worker, load `model` if one is given, and close the worker."""
    engine = _started()
    try:
        yield await _driver(engine, model, n_ctx, format)
    finally:
        await engine.close()


class EnginePool:
    """A worker that is lent to one test after the other.

    To start one takes as long as ten tests of a tiny model. A test that ends well gives it back;
    all that it changed is gone with the next model that is loaded.
    """

    def __init__(self) -> None:
        self._idle: WorkerEngine | None = None

    @asynccontextmanager
    async def lend(
        self, model: Path | None = None, *, n_ctx: int | None = None, format: str | None = None
    ) -> AsyncIterator[Driver]:
        """Lend the worker, with `model` loaded if one is given. The test may neither kill nor close
        it.
        """
        engine, self._idle = self._idle or _started(), None
        try:
            yield await _driver(engine, model, n_ctx, format)
        except BaseException:
            await engine.close()
            raise
        self._idle = engine

    async def close(self) -> None:
        if self._idle is not None:
            await self._idle.close()


def _started() -> WorkerEngine:
    engine = WorkerEngine()
    engine.start()
    return engine


async def _driver(
    engine: WorkerEngine, model: Path | None, n_ctx: int | None, format: str | None
) -> Driver:
    driver = Driver(engine)
    if model is not None:
        loaded = await driver.load(model, n_ctx=n_ctx, format=format)
        assert isinstance(loaded, Loaded), loaded
    return driver


pool = EnginePool()
lent_engine = pool.lend
