"""Asks the engine to show prompts: each request waits for its answer."""

from __future__ import annotations

import asyncio
from itertools import count

from modechat.engine.prompt_view import PromptView
from modechat.engine.protocol import ChatPrompt, Engine, Inspect, Inspected, InstructPrompt
from modechat.errors import EngineError


class Inspections:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: dict[int, asyncio.Future[PromptView]] = {}
        self._numbers = count(1)

    @property
    def is_waiting(self) -> bool:
        """True while an answer is awaited."""
        return bool(self._waiting)

    async def ask(
        self,
        prompt: ChatPrompt | InstructPrompt,
        now: str | None,
        thinking: bool | None,
        format: str | None,
    ) -> PromptView:
        """Return the prompt as the model would get it. Raises EngineError if there is none."""
        number = next(self._numbers)
        answer: asyncio.Future[PromptView] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._engine.send(
            Inspect(id=number, prompt=prompt, now=now, thinking=thinking, format=format)
        )
        try:
            return await answer
        finally:
            self._waiting.pop(number, None)

    def handle(self, event: Inspected) -> None:
        """Pass the engine's answer to the request that waits for it."""
        answer = self._waiting.get(event.id)
        if answer is None or answer.done():
            return
        if event.prompt is not None:
            answer.set_result(event.prompt)
        else:
            answer.set_exception(EngineError(event.error))

    def give_up(self, reason: str) -> None:
        """Raise EngineError in all waiting requests: the engine will not answer any more."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(EngineError(reason))
