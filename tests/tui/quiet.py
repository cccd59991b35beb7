"""Waits until an app has done what it was asked for.

Textual's pilot waits until the process takes little time: at least two hundredths of a second, twice
for each key, and up to a second on a busy machine. This looks at the event loop instead, so it ends as
soon as nothing is left to do.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio.base_events import BaseEventLoop
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest.mock import patch

from textual._context import active_app

_SOON = 0.02
"""Seconds: a timer that is due so soon is waited for. Textual's pilot waits as long at least."""
_LONGEST = 1.0
"""Seconds after which work is taken to have no end, as Textual's pilot does."""
_LONGEST_DAEMON = 0.1
_PAUSE = 0.0005

_n_in_threads = 0


async def until_quiet(_shortest: float = 0, longest: float = _LONGEST) -> None:
    """Wait until no task of the loop can go on, no thread works for it, and no timer is near.

    A daemon thread is waited for shortly only: what it works on may hang for ever.
    What is to be painted is painted now, not at the next tick.
    """
    loop: Any = asyncio.get_running_loop()
    begin = loop.time()
    while loop.time() < begin + longest:
        await asyncio.sleep(0)
        if loop._ready or _paints():
            continue
        works = _n_in_threads or (_DaemonThread.alive and loop.time() < begin + _LONGEST_DAEMON)
        if not works and not any(_is_due(loop, begin + _SOON)):
            return
        await asyncio.sleep(_PAUSE)


def _paints() -> bool:
    """Paint the screen if that is to be done. Return False if nothing is to be painted."""
    app = active_app.get()
    if not app.screen_stack or not app.screen._update_timer._active.is_set():
        return False
    app.screen._on_timer_update()
    return not app.screen._update_timer._active.is_set()


def _is_due(loop: Any, time: float) -> Iterator[bool]:
    for handle in loop._scheduled:
        yield handle.when() <= time and not handle.cancelled() and not _is_tick_of_a_screen(handle)


def _is_tick_of_a_screen(handle: Any) -> bool:
    """Return True for the timer that paints: it goes on for a tick when there is nothing to
    paint.
    """
    for future in handle._args or ():
        for callback, _ in getattr(future, "_callbacks", None) or ():
            task = getattr(callback, "__self__", None)
            if isinstance(task, asyncio.Task) and task.get_name() == "screen_update":
                return True
    return False


class _DaemonThread(threading.Thread):
    """A thread of `modechat.daemon_thread`."""

    alive: ClassVar[set[threading.Thread]] = set()

    def start(self) -> None:
        self.alive.add(self)
        super().start()

    def run(self) -> None:
        try:
            super().run()
        finally:
            self.alive.discard(self)


@contextmanager
def waiting_for_the_loop() -> Iterator[None]:
    """Have Textual's pilot wait with `until_quiet`."""
    with (
        patch("textual.pilot.wait_for_idle", until_quiet),
        patch("textual.app.wait_for_idle", until_quiet),
        patch.object(BaseEventLoop, "run_in_executor", _counted),
        patch("modechat.daemon_thread.threading", SimpleNamespace(Thread=_DaemonThread)),
    ):
        yield


_run_in_executor = BaseEventLoop.run_in_executor


def _counted(loop: BaseEventLoop, *arguments: Any) -> asyncio.Future[Any]:
    global _n_in_threads
    future = _run_in_executor(loop, *arguments)
    _n_in_threads += 1
    future.add_done_callback(_count_down)
    return future


def _count_down(_future: asyncio.Future[Any]) -> None:
    global _n_in_threads
    _n_in_threads -= 1
