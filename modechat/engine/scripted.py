"""The scripted engine: the protocol without a model, deterministic. For UI tests, screenshots and `modechat --demo`.

Its tokens are words, and its figures follow from the texts alone, so that the same script shows the same screen.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

from modechat.domain.conversation import ReplyStats, Role, StopReason
from modechat.domain.mode import Mode
from modechat.domain.repetition import RepetitionGuard
from modechat.domain.sequences import common_prefix_length
from modechat.engine.prompt_view import PromptView, TokenView
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
    InstructPrompt,
    Load,
    Loaded,
    LoadProgress,
    ModelInfo,
    PromptProgress,
    Request,
    Shortened,
    Stop,
    UseAdapters,
    UseFormat,
)
from modechat.prompting.formats import FormatSource


@dataclass(frozen=True, slots=True)
class Leak:
    """A reply that is cut where the model began to write another role's turn."""

    text: str
    marker: str


Script: TypeAlias = Callable[[Generate], str | Leak | Failed]
"""Answers a request with a reply, or with a failure."""

Pace: TypeAlias = Callable[[], Awaitable[None]]
"""Awaited before each word."""

MODEL = ModelInfo(
    name="Scripted demo",
    path="(no model)",
    architecture="scripted",
    description="scripted replies, no model",
    size_bytes=0,
    n_ctx=4096,
    n_ctx_train=4096,
    device="CPU",
    format="chat-template",
    format_source=FormatSource.GGUF,
)

_TOKENS_PER_SECOND = 50.0
_SECONDS_TO_FIRST_TOKEN = 0.12


async def at_once() -> None:
    """The pace of tests: as fast as the reader reads."""
    await asyncio.sleep(0)


async def as_a_small_model() -> None:
    """The pace of the demo."""
    await asyncio.sleep(1 / _TOKENS_PER_SECOND)


class ScriptedEngine:
    """Plays `script`. A `load_error` makes loading fail. In a full context of `n_ctx` words the oldest turns leave."""

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
        """What was asked before an event loop ran."""
        self._format = MODEL.format
        self.requests: list[Request] = []

    def start(self) -> None:
        pass

    def send(self, request: Request) -> None:
        self.requests.append(request)
        match request:
            case Load(model_path=path):
                if path.endswith(".gguf"):
                    self._model = self._model.model_copy(
                        update={"name": PurePath(path).stem, "path": path}
                    )
                self._run(self._load())
            case Generate():
                self._stopped.discard(request.id)
                self._run(self._generate(request))
            case Stop(id=request_id):
                self._stopped.add(request_id)
            case Inspect():
                self._events.put_nowait(Inspected(id=request.id, prompt=_view(request)))
            case UseFormat(format=name):
                self._format = name or MODEL.format
                source = _source(self._format)
                self._model = self._model.model_copy(
                    update={"format": self._format, "format_source": source}
                )
                self._events.put_nowait(FormatChanged(model=self._model))
            case UseAdapters(adapters=adapters):
                self._events.put_nowait(AdaptersChanged(adapters=adapters))
            case _:
                pass

    async def events(self) -> AsyncIterator[Event]:
        while self._waiting:
            self._run(self._waiting.pop(0))
        while (event := await self._events.get()) is not None:
            yield event

    async def close(self) -> None:
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

    async def _load(self) -> None:
        for fraction in (0.5, 1.0):
            await self._pace()
            self._events.put_nowait(LoadProgress(fraction=fraction))
        self._events.put_nowait(self._load_error or Loaded(model=self._model, seconds_load=0.3))

    async def _generate(self, request: Generate) -> None:
        request = self._fitted(request)
        answer = self._script(request)
        if isinstance(answer, Failed):
            self._events.put_nowait(answer.model_copy(update={"id": request.id}))
            return
        reason, marker = StopReason.END, ""
        if isinstance(answer, Leak):
            reason, marker, answer = StopReason.LEAK, answer.marker, answer.text
        mode = Mode(request.prompt.mode)
        prefill = request.prompt.prefill
        prompt = _words(_prompt_text(request) + prefill)
        reused = common_prefix_length(self._lanes[mode], prompt)
        self._events.put_nowait(
            PromptProgress(id=request.id, evaluated=len(prompt), reused=reused, total=len(prompt))
        )
        thought, answer = _part_thinking(answer)
        for word in _words(thought):
            await self._pace()
            self._events.put_nowait(
                Delta(id=request.id, text=word, is_thinking=True, completion_tokens=0)
            )
        words = _words(answer.removeprefix(prefill).strip() if prefill else answer.strip())
        if prefill:
            self._events.put_nowait(
                Delta(id=request.id, text=prefill.strip() + " ", completion_tokens=0)
            )
        limit = request.sampling.max_tokens
        said: list[str] = []
        guard, repeated = RepetitionGuard(), 0
        for word in words:
            await self._pace()
            if request.id in self._stopped:
                reason = StopReason.STOPPED
                break
            if limit is not None and len(said) >= limit:
                reason = StopReason.LENGTH
                break
            said.append(word)
            self._events.put_nowait(Delta(id=request.id, text=word, completion_tokens=len(said)))
            repetition = guard.feed(word) if request.sampling.stop_repetition is not False else None
            if repetition is not None:
                reason, repeated = StopReason.REPEATS, len(repetition.surplus.rstrip())
                break
        self._lanes[mode] = prompt + said
        stats = ReplyStats(
            format=request.format or self._format,
            format_source=_source(request.format or self._format),
            prompt_tokens=len(prompt),
            reused_tokens=reused,
            completion_tokens=len(said),
            seconds_to_first_token=_SECONDS_TO_FIRST_TOKEN,
            tokens_per_second=_TOKENS_PER_SECOND,
            seed=request.sampling.seed or 0,
            leak=marker if reason is StopReason.LEAK else "",
            repeated=repeated,
            neutralised=_neutralised(last_user_text(request)),
        )
        self._events.put_nowait(Finished(id=request.id, stop_reason=reason, stats=stats))

    def _fitted(self, request: Generate) -> Generate:
        """The request without what has left the context, and without what has to leave it now."""
        prompt = request.prompt
        if not isinstance(prompt, ChatPrompt):
            return request
        system = [message for message in prompt.messages if message.role == Role.SYSTEM]
        said = [message for message in prompt.messages if message.role != Role.SYSTEM]
        movable = [message for message in said[:-1] if not message.pinned]

        def without(n_left_out: int) -> Generate:
            left = {id(message) for message in movable[:n_left_out]}
            kept = tuple(message for message in (*system, *said) if id(message) not in left)
            return request.model_copy(
                update={
                    "prompt": prompt.model_copy(update={"messages": kept, "n_left_out": n_left_out})
                }
            )

        n_left_out = prompt.n_left_out
        while len(
            _words(_prompt_text(without(n_left_out)))
        ) > self._model.n_ctx and n_left_out < len(movable):
            n_left_out += 2
        if n_left_out > prompt.n_left_out:
            self._events.put_nowait(Shortened(id=request.id, n_left_out=n_left_out))
        return without(n_left_out)


def _source(format: str) -> FormatSource:
    return FormatSource.GGUF if format == MODEL.format else FormatSource.BUILT_IN


def _words(text: str) -> list[str]:
    """`text` in pieces that end with their white space."""
    return re.findall(r"\S+\s*|\s+", text)


def _part_thinking(answer: str) -> tuple[str, str]:
    """What a script wrote between `<think>` tags at the beginning of a reply, and the rest."""
    if not answer.startswith("<think>"):
        return "", answer
    thought, _, rest = answer.removeprefix("<think>").partition("</think>")
    return thought.strip(), rest


def _view(request: Inspect) -> PromptView:
    """A prompt in ChatML, one token a word. In a named format it begins with the format's name: each has its own."""
    said = _messages(request)
    named = request.format if request.format != MODEL.format else None
    tokens = [TokenView(id=5, text=f"{named}\n", control=False)] if named else []
    tokens.append(TokenView(id=2, text="<|im_start|>", control=True))
    parts: list[tuple[str, int]] = [("template", 1)] if named else []
    for role, content in said:
        words = _words(content) or [""]
        tokens += [
            TokenView(id=10 + len(word), text=word, control=False) for word in (f"{role}\n", *words)
        ]
        tokens += [
            TokenView(id=3, text="<|im_end|>", control=True),
            TokenView(id=4, text="\n", control=False),
        ]
        tokens.append(TokenView(id=2, text="<|im_start|>", control=True))
        parts += [("template", 2), (role, len(words)), ("template", 2)]
    tokens.append(TokenView(id=9, text="assistant\n", control=False))
    parts.append(("template", 2))
    return PromptView(
        text="".join(token.text for token in tokens),
        tokens=tuple(tokens),
        parts=tuple(parts),
        format=MODEL.format,
        format_source=MODEL.format_source,
        fallback=MODEL.system_fallback,
        neutralised=_neutralised(said[-1][1]),
        stop=(),
    )


def _neutralised(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"<\|im_(?:start|end)\|>", text))


def _messages(request: Inspect) -> list[tuple[str, str]]:
    match request.prompt:
        case ChatPrompt(messages=messages):
            return [(message.role.value, message.content) for message in messages]
        case InstructPrompt(instruction=instruction, input=text):
            return [("user", f"{instruction}\n\n{text}".strip())]


def _prompt_text(request: Generate) -> str:
    match request.prompt:
        case ChatPrompt(messages=messages):
            return "".join(f"{message.role}: {message.content}\n" for message in messages)
        case InstructPrompt(instruction=instruction, input=text):
            return f"{instruction}\n{text}"


def last_user_text(request: Generate) -> str:
    """What the newest message of `request` says: for scripts that answer by content."""
    match request.prompt:
        case ChatPrompt(messages=messages):
            return next((m.content for m in reversed(messages) if m.role == Role.USER), "")
        case InstructPrompt(instruction=instruction, input=text):
            return f"{instruction}\n\n{text}".strip()
