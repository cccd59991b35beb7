"""Sends one message to the session: parses it once, attaches its files, refuses it if too long.

A message that waits keeps the meaning that it had when it was typed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from modechat.commands.requests import Meaning, meaning_of
from modechat.commands.slash import SlashCommand, read_slash, without_escape
from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.attachments import mentions
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch, Task
from modechat.domain.typed import Typed
from modechat.session.attachments import attach
from modechat.session.fitting import why_too_long

if TYPE_CHECKING:
    from modechat.commands.dispatch import Dispatcher
    from modechat.session.chat_session import ChatSession

T = TypeVar("T")

_HEADERS = tuple(Switch(ModeState(mode)) for mode in Mode)
_STOPPED = Incomplete("Stopped: nothing was sent.")


@dataclass(eq=False, slots=True)
class Message:
    """Something that was typed and submitted: a message or a command."""

    typed: Typed
    edits: int | None = None
    """The turn whose message it replaces."""
    meaning: Meaning | None = None
    """What it asks for; None before it is parsed."""
    text: Typed = field(default_factory=Typed)
    """The message with the texts of its files; empty before it is parsed."""

    @property
    def is_kept(self) -> bool:
        """True if it can be called back later.

        A header that stands alone, and the command that lists what was sent, are not worth it.
        """
        if isinstance(self.meaning, SlashCommand):
            return self.meaning.action.id != "search_history"
        return self.meaning not in _HEADERS

    @property
    def can_be_mended(self) -> bool:
        """True if the user may change it and send it again after it was refused.

        That is everything but a command without words.
        """
        return not isinstance(self.meaning, SlashCommand) or bool(self.meaning.words)

    @property
    def asks_model(self) -> bool:
        """True for a message that makes a turn."""
        return isinstance(self.meaning, ChatMessage | Task)


class Sending:
    """Reads and sends messages. Relative paths of files begin in `folder`."""

    def __init__(self, session: ChatSession, dispatcher: Dispatcher, folder: Path) -> None:
        self._session = session
        self._dispatcher = dispatcher
        self._folder = folder
        self._check: asyncio.Task[Any] | None = None
        """The check of a message before it is sent."""

    @property
    def is_checking(self) -> bool:
        """True while a message is checked before it is sent."""
        return self._check is not None

    def stop(self) -> bool:
        """Break off the check of a message before it is sent. False if there is none."""
        return self._check is not None and self._check.cancel()

    async def read(self, message: Message) -> None:
        """Attach the files that a message mentions, and parse it."""
        session = self._session
        command = read_slash(message.typed)
        if command is not None and not command.asks_model:
            message.meaning = command
            return
        text = await self._unless_stopped(attached(message.typed, self._folder))
        if isinstance(text, Incomplete):
            message.meaning = text
            return
        state = session.state
        if message.edits is not None:
            state = session.turns.state_of(message.edits)
        message.text = text
        message.meaning = meaning_of(text, session.settings.tasks, state)

    async def send(self, message: Message) -> Incomplete | None:
        """Have the session do what a message asks for; return why not. Raises StoreError."""
        session, meaning = self._session, message.meaning
        assert meaning is not None  # it was read
        if isinstance(meaning, SlashCommand):
            return await self._dispatcher.do_typed(meaning, session)
        if isinstance(meaning, ChatMessage | Task):
            reason = await self._unless_stopped(why_too_long(meaning, message.text, session))
            if reason is not None:
                return reason
        typed = without_escape(message.text).text
        if message.edits is not None:
            return await session.turns.edit(message.edits, meaning, typed)
        return await session.send(meaning, typed)

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | Incomplete:
        """Return what `work` returns, unless the user stops it."""
        check = asyncio.create_task(work)
        self._check = check
        try:
            await asyncio.wait({check})
        except asyncio.CancelledError:
            check.cancel()
            raise
        finally:
            self._check = None
        return _STOPPED if check.cancelled() else check.result()


async def attached(typed: Typed, folder: Path) -> Typed | Incomplete:
    """Return the text with those of its files; or why one of them cannot be attached."""
    if not mentions(typed):
        return typed
    return await run_in_daemon_thread(attach, typed, folder)
