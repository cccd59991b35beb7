"""What the user asks for, done one after the other in the order in which it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class CommandQueue:
    """`run` does the work that `put` adds, until the end of the program."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Callable[[], Awaitable[object]]] = asyncio.Queue()
        self._unfinished = 0

    @property
    def is_idle(self) -> bool:
        return self._unfinished == 0

    def put(self, work: Callable[[], Awaitable[object]]) -> None:
        self._unfinished += 1
        self._queue.put_nowait(work)

    async def run(self) -> None:
        while True:
            work = await self._queue.get()
            try:
                await work()
            finally:
                self._unfinished -= 1
                self._queue.task_done()

    async def finish(self) -> None:
        """Wait until everything is done that was asked for."""
        await self._queue.join()
