"""The LoRA adapters of the loaded model: changing them, and waiting for the engine to say whether
it could.
"""

from __future__ import annotations

import asyncio

from modechat.engine.protocol import Adapter, AdaptersChanged, Engine, UseAdapters

_GONE = "The engine ended before the adapters were changed"


class AdapterChanges:
    """The changes that the engine was asked for. It answers them in their order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[asyncio.Future[AdaptersChanged]] = []

    async def ask(self, adapters: tuple[Adapter, ...]) -> AdaptersChanged:
        """Have these applied; the engine's answer.

        One that ends meanwhile answers with an error.
        """
        answer: asyncio.Future[AdaptersChanged] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._engine.send(UseAdapters(adapters=adapters))
        return await answer

    def handle(self, event: AdaptersChanged) -> None:
        """The engine answered."""
        if self._waiting:
            answer = self._waiting.pop(0)
            if not answer.done():
                answer.set_result(event)

    def give_up(self) -> None:
        """The engine will not answer any more."""
        while self._waiting:
            self.handle(AdaptersChanged(adapters=(), error=_GONE))
