"""Sends an engine one request after the other, for callers that need no conversation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from modechat.engine.protocol import Engine, Event, Failed, Recovered, Request
from modechat.errors import EngineError

E = TypeVar("E", bound=BaseModel)


class Connection:
    """The only client of an engine that was started."""

    def __init__(self, engine: Engine, recovered: Callable[[str], None]) -> None:
        """`recovered` gets a text for the user when the engine was started again.

        The engine then begins its requests anew.
        """
        self._engine = engine
        self._events = engine.events()
        self._recovered = recovered

    def send(self, request: Request) -> None:
        self._engine.send(request)

    async def next_event(self) -> Event:
        """Wait for the next event. Raises EngineError if the engine ends first."""
        try:
            event = await anext(self._events)
        except StopAsyncIteration:
            raise EngineError("The engine ended without an answer") from None
        if isinstance(event, Recovered):
            self._recovered(event.text)
        return event

    async def answer(self, kind: type[E]) -> E:
        """Wait for the next event of this kind. Raises ModechatError if the engine fails."""
        while True:
            event = await self.next_event()
            if isinstance(event, Failed):
                raise event.as_error()
            if isinstance(event, kind):
                return event

    async def ask(self, request: Request, kind: type[E]) -> E:
        """Send a request and wait for the answer, an event of this kind. Raises ModechatError."""
        self.send(request)
        return await self.answer(kind)
