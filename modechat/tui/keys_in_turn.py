"""Handles keys that come at once as if they came one after the other.

Textual 8.2.8 gives each key to the widget that has the focus at that moment, even if the key before
has yet to move the focus. So a second Enter reaches the dialog that the first one closes, and
letters after it are lost there. Here a key waits while a dialog opens, works or closes, until what
the key before asked for is done.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual import events

if TYPE_CHECKING:
    from textual.app import App
    from textual.message_pump import MessagePump

_LONGEST_WAIT = 2.0
"""Seconds that a key waits at most for the key before."""
_PAUSE = 0.01
_QUIET_ROUNDS = 3
"""Rounds in a row without waiting messages: handling one message may lead to more."""


class KeysInTurn:
    """Queues the keys of an app. Call `queue` for every key and every paste."""

    def __init__(self, app: App[Any], dispatch: Callable[[events.Event], Awaitable[None]]) -> None:
        """Call `dispatch` to have Textual handle a key."""
        self._app = app
        self._dispatch = dispatch
        self._waiting: deque[events.Event] = deque()
        self._is_open = False
        self._is_passing = False
        self.is_opening: Callable[[], bool] = bool
        """Returns True while a dialog opens or works, or while its result is not acted on yet."""

    def open(self) -> None:
        """Handle the keys that came before the first screen was there, and all later ones."""
        self._is_open = True
        self._pass_on()

    def queue(self, event: events.Event) -> bool:
        """Queue the key if it has to wait. Return False if the caller should handle it now."""
        if not self._app.screen_stack:
            return True  # the program ends: no screen could handle it
        if self._is_open and not self._is_passing and self._is_quiet():
            return False
        self._waiting.append(event)
        self._pass_on()
        return True

    def _pass_on(self) -> None:
        if self._waiting and self._is_open and not self._is_passing:
            self._is_passing = True
            self._app.run_worker(self._pass(), name="keys")

    async def _pass(self) -> None:
        try:
            while self._waiting:
                await self._become_quiet()
                event = self._waiting.popleft()
                if self._app.screen_stack:
                    await self._dispatch(event)
        finally:
            self._is_passing = False

    def _is_quiet(self) -> bool:
        """Return True if nothing is being done that could change where the next key belongs."""
        n_screens = len(self._app.screen_stack)
        if n_screens == 0:
            return True
        if self.is_opening():
            return False
        return n_screens == 1 or not any(pump.message_queue_size for pump in self._pumps())

    async def _become_quiet(self) -> None:
        deadline, n_quiet = time.monotonic() + _LONGEST_WAIT, 0
        while n_quiet < _QUIET_ROUNDS and time.monotonic() < deadline:
            await self._round(deadline)
            n_quiet += 1
            if not self._is_quiet():
                n_quiet = 0
                await asyncio.sleep(_PAUSE)  # the awaited work may need Python's lock

    async def _round(self, deadline: float) -> None:
        """Wait until every widget has handled its waiting messages."""
        pumps: list[MessagePump] = [self._app]
        if len(self._app.screen_stack) > 1:
            pumps += self._pumps()
        left, done = 1, asyncio.Event()

        def handled() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                done.set()

        for pump in pumps:
            left += pump.call_later(handled)
        handled()
        try:
            await asyncio.wait_for(done.wait(), max(deadline - time.monotonic(), 0))
        except TimeoutError:
            return  # a widget is going away, or takes long

    def _pumps(self) -> list[MessagePump]:
        return list(self._app.screen.walk_children(with_self=True))
