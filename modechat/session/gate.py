"""Admits commands to the session, one at a time.

It refuses all commands after the end, and most of them while a reply is written. `command` marks a
method that changes the conversation or the model and returns the reason if it did nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, Protocol, TypeAlias, TypeVar

from modechat.domain.key_names import key
from modechat.domain.modes import Incomplete

BUSY = Incomplete(f"A reply is being written: {key('stop', 'Esc')} stops it.")
COMPARING = Incomplete("Replies are being compared: keep one, or close the comparison first.")
CLOSED = Incomplete("modechat is closing.")
NOT_LOADED = Incomplete("The model is not loaded yet.")
GONE = Incomplete("That turn is not here any more.")


class Gate:
    """Admits commands. `is_closed` and `refusal_when_busy` are called for every command."""

    def __init__(
        self, is_closed: Callable[[], bool], refusal_when_busy: Callable[[], Incomplete | None]
    ) -> None:
        self.lock = asyncio.Lock()
        """Held while a command runs."""
        self._is_closed = is_closed
        self._refusal_when_busy = refusal_when_busy

    def refusal(self, *, when_busy: bool) -> Incomplete | None:
        """Return the reason why no command is taken now, or None.

        `when_busy`: a running reply refuses.
        """
        if self._is_closed():
            return CLOSED
        return self._refusal_when_busy() if when_busy else None


class _HasGate(Protocol):
    @property
    def _gate(self) -> Gate: ...


P = ParamSpec("P")
S = TypeVar("S", bound=_HasGate)
Reason: TypeAlias = Incomplete | None
_Command: TypeAlias = Callable[Concatenate[S, P], Coroutine[Any, Any, Reason]]


def command(*, waits_for_reply: bool = True) -> Callable[[_Command[S, P]], _Command[S, P]]:
    """Make the method wait until the previous command is done.

    It is refused after the end, and while a reply is written or compared unless `waits_for_reply`
    is False. A command never calls another one: both would wait for the same lock.
    """

    def decorate(method: _Command[S, P]) -> _Command[S, P]:
        async def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> Reason:
            async with self._gate.lock:
                refusal = self._gate.refusal(when_busy=waits_for_reply)
                if refusal is not None:
                    return refusal
                return await method(self, *args, **kwargs)

        return update_wrapper(guarded, method)

    return decorate
