"""Remembers the first failure, for the exit code of a program that nobody watches."""

from __future__ import annotations

from collections.abc import AsyncIterator

from modechat.engine.protocol import Engine, Event, Failed, Request
from modechat.errors import ModechatError


class FailureWatch:
    """An engine that remembers the exit code of the first failure.

    The failure is an event of the engine, or an error passed to `note`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.exit_code = 0
        """0 if there was no failure."""

    def note(self, error: ModechatError) -> None:
        """Remember an error, unless one came before."""
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
