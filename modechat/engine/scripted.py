"""Implements the protocol without a model: the scripted engine, which is deterministic.

It is for UI tests, screenshots and `modechat --demo`.

Its tokens are words, and its figures follow from the texts alone, so that the same script shows the
same screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from modechat.domain.conversation import ReplyStats, StopReason
from modechat.domain.mode import Mode
from modechat.domain.repetition import RepetitionGuard
from modechat.domain.sequences import common_prefix_length
from modechat.engine.protocol import (
    AdaptersChanged,
    ChatPrompt,
    Delta,
    Event,
    Failed,
    Finished,
    FormatChanged,
    Generate,
    Inspect,
    Inspected,
    Load,
    Loaded,
    LoadProgress,
    ModelInfo,
    Placement,
    PromptProgress,
    Request,
    Shortened,
    Stop,
    UseAdapters,
    UseFormat,
)
from modechat.engine.scripted_texts import (
    last_user_text,
    neutralised,
    part_thinking,
    prompt_text,
    prompt_view,
    without,
    words,
)
from modechat.prompting.formats import FormatSource

__all__ = [
    "MODEL",
    "Leak",
    "Pace",
    "Script",
    "ScriptedEngine",
    "as_a_small_model",
    "at_once",
    "last_user_text",
]


@dataclass(frozen=True, slots=True)
class Leak:
    """A reply that is cut at the place where the model began to write another role's turn."""

    text: str
    marker: str


Script: TypeAlias = Callable[[Generate], str | Leak | Failed]
"""Answers a request with a reply, or with a failure."""

Pace: TypeAlias = Callable[[], Awaitable[None]]
"""A pause, awaited before each word."""

MODEL = ModelInfo(
    name="Scripted demo",
    path="(no model)",
    architecture="scripted",
    description="scripted replies, no model",
    size_bytes=0,
    n_ctx=4096,
    n_ctx_train=4096,
    placement=Placement(),
    format="chat-template",
    format_source=FormatSource.GGUF,
)

_TOKENS_PER_SECOND = 50.0
_SECONDS_TO_FIRST_TOKEN = 0.12


async def at_once() -> None:
    """Pause as in tests: not at all."""
    await asyncio.sleep(0)


async def as_a_small_model() -> None:
    """Pause as in the demo: as a small model writes."""
    await asyncio.sleep(1 / _TOKENS_PER_SECOND)


class ScriptedEngine:
    """Plays `script`.

    A `load_error` makes loading fail. In a full context of `n_ctx` words, the oldest turns leave.
    """

    def __init__(
        self,
        script: Script,
        pace: Pace = at_once,
        load_error: Failed | None = None,
        n_ctx: int = MODEL.n_ctx,
    ) -> None:
        self._model = MODEL.model_copy(update={"n_ctx": n_ctx})
        self._script = script
        self._pace = pace
        self._load_error = load_error
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._stopped: set[int] = set()
        self._lanes: dict[Mode, list[str]] = {mode: [] for mode in Mode}
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[Awaitable[None]] = []
        """Work that was asked for before an event loop ran."""
        self.requests: list[Request] = []

    def start(self) -> None:
        """See Engine.start."""
        for task in self._tasks:
            task.cancel()
        while not self._events.empty():
            self._events.get_nowait()

    def send(self, request: Request) -> None:
        """See Engine.send."""
        self.requests.append(request)
        match request:
            case Load():
                self._run(self._load(request))
            case Generate():
                self._stopped.discard(request.id)
                self._run(self._generate(request))
            case Stop(id=number):
                self._stopped.add(number)
            case Inspect():
                self._events.put_nowait(Inspected(id=request.id, prompt=prompt_view(request)))
            case UseFormat(format=name):
                self._use_format(name or MODEL.format)
            case UseAdapters(adapters=adapters):
                self._events.put_nowait(AdaptersChanged(adapters=adapters))
            case _:
                pass

    async def events(self) -> AsyncIterator[Event]:
        """See Engine.events."""
        while self._waiting:
            self._run(self._waiting.pop(0))
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
        """See Engine.close."""
        for task in self._tasks:
            task.cancel()
        self._events.put_nowait(None)

    def _run(self, work: Awaitable[None]) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._waiting.append(work)
            return
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _load(self, request: Load) -> None:
        if request.model_path.endswith(".gguf"):
            named = {"name": PurePath(request.model_path).stem, "path": request.model_path}
            self._model = self._model.model_copy(update=named)
        for fraction in (0.5, 1.0):
            await self._pace()
            self._events.put_nowait(LoadProgress(load=request.number, fraction=fraction))
        loaded = Loaded(load=request.number, model=self._model, seconds_load=0.3)
        self._events.put_nowait(self._load_error or loaded)

    def _use_format(self, name: str) -> None:
        changes = {"format": name, "format_source": _source(name)}
        self._model = self._model.model_copy(update=changes)
        self._events.put_nowait(FormatChanged(model=self._model))

    async def _generate(self, request: Generate) -> None:
        request = self._fitted(request)
        answer = self._script(request)
        if isinstance(answer, Failed):
            self._events.put_nowait(answer.model_copy(update={"id": request.id}))
            return
        leak = ""
        if isinstance(answer, Leak):
            leak = answer.marker
            answer = answer.text
        mode, prefill = Mode(request.prompt.mode), request.prompt.prefill
        prompt = words(prompt_text(request) + prefill)
        n_prompt, reused = len(prompt), common_prefix_length(self._lanes[mode], prompt)
        self._events.put_nowait(
            PromptProgress(id=request.id, evaluated=n_prompt, reused=reused, total=n_prompt)
        )
        thought, answer = part_thinking(answer)
        for word in words(thought):
            await self._pace()
            self._say(request, word, is_thinking=True)
        if prefill:
            answer = answer.removeprefix(prefill)
            self._say(request, prefill.strip() + " ")
        end = _End(StopReason.LEAK if leak else StopReason.END)
        said = await self._write(request, answer.strip(), end)
        self._lanes[mode] = prompt + said
        format = request.format or self._model.format
        stats = ReplyStats(
            format=format,
            format_source=_source(format),
            prompt_tokens=n_prompt,
            reused_tokens=reused,
            completion_tokens=len(said),
            seconds_to_first_token=_SECONDS_TO_FIRST_TOKEN,
            tokens_per_second=_TOKENS_PER_SECOND,
            seed=request.sampling.seed or 0,
            leak=leak if end.reason is StopReason.LEAK else "",
            repeated=end.n_repeated,
            neutralised=neutralised(last_user_text(request)),
        )
        self._events.put_nowait(Finished(id=request.id, stop_reason=end.reason, stats=stats))

    async def _write(self, request: Generate, answer: str, end: _End) -> list[str]:
        """Say the answer word by word; return the words.

        Changes `end` if the reply ends in another way.
        """
        said: list[str] = []
        guard = RepetitionGuard()
        for word in words(answer):
            await self._pace()
            if request.id in self._stopped:
                end.reason = StopReason.STOPPED
                break
            if len(said) == request.sampling.max_tokens:
                end.reason = StopReason.LENGTH
                break
            said.append(word)
            self._say(request, word, n_said=len(said))
            repetition = guard.feed(word)
            if repetition is not None and request.sampling.stop_repetition is not False:
                end.reason = StopReason.REPEATS
                end.n_repeated = len(repetition.surplus.rstrip())
                break
        return said

    def _say(
        self, request: Generate, text: str, *, is_thinking: bool = False, n_said: int = 0
    ) -> None:
        self._events.put_nowait(
            Delta(id=request.id, text=text, is_thinking=is_thinking, completion_tokens=n_said)
        )

    def _fitted(self, request: Generate) -> Generate:
        """Return the request without the turns that have left the context or must leave it."""
        prompt = request.prompt
        if not isinstance(prompt, ChatPrompt):
            return request
        n_left_out = prompt.n_left_out
        fitted, is_last = without(request, prompt, n_left_out)
        while len(words(prompt_text(fitted))) > self._model.n_ctx and not is_last:
            n_left_out += 2
            fitted, is_last = without(request, prompt, n_left_out)
        if n_left_out > prompt.n_left_out:
            self._events.put_nowait(Shortened(id=request.id, n_left_out=n_left_out))
        return fitted


@dataclass(slots=True)
class _End:
    """The way in which a reply ends."""

    reason: StopReason
    n_repeated: int = 0


def _source(format: str) -> FormatSource:
    return FormatSource.GGUF if format == MODEL.format else FormatSource.BUILT_IN
