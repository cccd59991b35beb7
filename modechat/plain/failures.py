"""Remembers what went wrong, for the exit code of a program that nobody watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from modechat.engine.protocol import Engine, Event, Failed, Request
from modechat.errors import ModechatError


class FailureWatch:
    """An engine that remembers the code of the first failure, its own or one that is `note`d."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.exit_code = 0
        """Of the first failure; 0: there was none."""

    def note(self, error: ModechatError) -> None:
        self.exit_code = self.exit_code or error.exit_code

    def start(self) -> None:
        self._engine.start()

    def send(self, request: Request) -> None:
        self._engine.send(request)

    async def events(self) -> AsyncIterator[Event]:
        async for event in self._engine.events():
            if isinstance(event, Failed):
                self.note(event.as_error())
            yield event

    async def close(self) -> None:
        await self._engine.close()
