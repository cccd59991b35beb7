"""Changes the LoRA adapters of the loaded model, and waits for the engine's answers."""

from __future__ import annotations

import asyncio

from modechat.engine.protocol import Adapter, AdaptersChanged, Engine, UseAdapters

_GONE = "The engine ended before the adapters were changed"


class AdapterChanges:
    """The changes that were sent to the engine, which answers them in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[asyncio.Future[AdaptersChanged]] = []

    async def ask(self, adapters: tuple[Adapter, ...]) -> AdaptersChanged:
        """Ask the engine to apply `adapters`, and return its answer.

        If the engine ends meanwhile, the answer is an error.
        """
        answer: asyncio.Future[AdaptersChanged] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._engine.send(UseAdapters(adapters=adapters))
        return await answer

    def handle(self, event: AdaptersChanged) -> None:
        """Pass the engine's answer to the request that waits for it."""
        if self._waiting:
            answer = self._waiting.pop(0)
            if not answer.done():
                answer.set_result(event)

    def give_up(self) -> None:
        """Answer all waiting requests with an error: the engine will not answer any more."""
        while self._waiting:
            self.handle(AdaptersChanged(adapters=(), error=_GONE))
