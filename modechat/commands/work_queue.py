"""Runs what the user asks for, one after the other, in the order in which it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from modechat.domain.modes import Incomplete
from modechat.errors import ModechatError, StoreError

Step: TypeAlias = Callable[[], Awaitable[Incomplete | None]]
"""Returns why nothing was done, or None. May raise StoreError."""


class WorkQueue:
    """Runs steps; `say` and `show_error` tell the user what was not done."""

    def __init__(
        self, say: Callable[[str], None], show_error: Callable[[ModechatError], Awaitable[None]]
    ) -> None:
        self._say = say
        self._show_error = show_error
        self._steps: asyncio.Queue[Step] = asyncio.Queue()
        self._n_unfinished = 0

    @property
    def is_idle(self) -> bool:
        return self._n_unfinished == 0

    def put(self, step: Step) -> None:
        """Run a step after those before it."""
        self._n_unfinished += 1
        self._steps.put_nowait(step)

    async def run(self) -> None:
        """Run the steps until the end of the program."""
        while True:
            step = await self._steps.get()
            try:
                await self._do(step)
            finally:
                self._n_unfinished -= 1
                self._steps.task_done()

    async def finish(self) -> None:
        """Wait until every step is done."""
        await self._steps.join()

    async def _do(self, step: Step) -> None:
        try:
            reason = await step()
        except StoreError as error:
            await self._show_error(error)
        else:
            if reason is not None:
                self._say(reason.reason)
