"""Waits until the session has loaded its model, or is idle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_WORKING = (Phase.GENERATING, Phase.STOPPING)


class SessionWaits:
    """Waits for states of a session. Create it inside a running event loop."""

    def __init__(self, session: ChatSession) -> None:
        self._session = session
        self._has_changed = asyncio.Event()

    def notify(self) -> None:
        """Check the awaited condition again, because the session has sent an event."""
        self._has_changed.set()

    async def until_loaded(self, seconds: float | None = None) -> None:
        """Wait until the model is loaded or has failed to load, but not longer than `seconds`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._until(self._is_not_loading), seconds)

    async def until_idle(self) -> None:
        """Wait until no reply is written."""
        await self._until(self._is_idle)

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._has_changed.clear()
            await self._has_changed.wait()

    def _is_not_loading(self) -> bool:
        return self._session.phase is not Phase.LOADING

    def _is_idle(self) -> bool:
        return not self._session.is_busy and self._session.phase not in _WORKING
