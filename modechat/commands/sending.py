"""Sends one message to the session: parses it once, attaches its files, and checks its length.

A message that waits keeps the meaning that it had when it was typed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from modechat.commands.requests import meaning_of
from modechat.commands.slash import SlashCommand, read_slash, without_escape
from modechat.commands.unsent import Message, UnsentMessages
from modechat.domain.modes import ChatMessage, Incomplete, Task
from modechat.session.file_reads import FileReads
from modechat.session.fitting import why_too_long

if TYPE_CHECKING:
    from modechat.commands.dispatch import Dispatcher
    from modechat.commands.drafts import Drafts
    from modechat.commands.front_end import FrontEnd
    from modechat.session.chat_session import ChatSession

_GIVEN_BACK = Incomplete("")


class Sending:
    """Reads and sends messages. Relative paths of files begin in `folder`."""

    def __init__(
        self,
        session: ChatSession,
        dispatcher: Dispatcher,
        folder: Path,
        front_end: FrontEnd,
        unsent: UnsentMessages,
        drafts: Drafts | None,
    ) -> None:
        """`drafts` stores the sent texts; None: they are not stored."""
        self._session = session
        self._dispatcher = dispatcher
        self._folder = folder
        self._front_end = front_end
        self._unsent = unsent
        self._drafts = drafts
        self._checks = FileReads("Stopped: nothing was sent.")
        """The checks of messages before they are sent. Unlike the session's, all are tried."""

    @property
    def can_stop(self) -> bool:
        """True if a message is checked, a file is read, or a reply is awaited or written."""
        session = self._session
        return self._checks.is_running or session.reads.is_running or session.is_busy

    def stop(self) -> bool:
        """Stop the check of a message, or the read of a file. Return False if there is none."""
        return self._checks.stop() or self._session.reads.stop()

    async def deliver(self, message: Message) -> Incomplete | None:
        """Send a message, or queue it; return the reason if it cannot be sent."""
        if message not in self._unsent:
            return None  # it was taken back
        reason: Incomplete | None = _GIVEN_BACK
        waits = False
        self._unsent.current = message
        try:
            if message.meaning is None:
                await self._read(message)
            waits = self._must_wait(message)
            self._unsent.set_waiting(message, waits=waits)
            self._front_end.show_queued(self._unsent.waiting)
            if waits:
                return None
            reason = await self._send(message)
        finally:
            self._unsent.current = None
            if not waits:
                self._unsent.remove(message)
                if reason is not None and message.can_be_mended:
                    self._front_end.forget_input(message.typed)
                    self._front_end.give_back(message)
        if reason is None or not message.can_be_mended:
            await self._was_sent(message)
        return reason

    @property
    def has_reply(self) -> bool:
        """True while a reply is written whose end a message can wait for.

        A comparison does not count: the user decides when it ends.
        """
        return self._session.is_busy and not self._session.comparison.is_open

    def _must_wait(self, message: Message) -> bool:
        """Return True if a reply or an earlier message comes before this one."""
        if not message.asks_model or message.edits is not None:
            return False
        return self.has_reply or self._unsent.first_waiting not in (None, message)

    async def _was_sent(self, message: Message) -> None:
        if not message.is_kept:
            self._front_end.forget_input(message.typed)
        if self._drafts is None:
            return
        if message.is_kept:
            await self._drafts.keep_sent(message.typed)
        else:
            await self._drafts.save()

    async def _read(self, message: Message) -> None:
        """Attach the files that a message mentions, and parse it."""
        session = self._session
        command = read_slash(message.typed)
        if command is not None and not command.asks_model:
            message.meaning = command
            return
        text = await self._checks.attached(message.typed, self._folder)
        if isinstance(text, Incomplete):
            message.meaning = text
            return
        state = session.state
        if message.edits is not None:
            state = session.turns.state_of(message.edits)
        message.text = text
        message.meaning = meaning_of(text, session.settings, state)

    async def _send(self, message: Message) -> Incomplete | None:
        """Have the session do the message's request; return the reason if not.

        Raises StoreError.
        """
        session, meaning = self._session, message.meaning
        assert meaning is not None  # it was read
        if isinstance(meaning, SlashCommand):
            return await self._dispatcher.do_typed(meaning, session)
        if isinstance(meaning, ChatMessage | Task):
            reason = await self._checks.unless_stopped(why_too_long(meaning, message.text, session))
            if reason is not None:
                return reason
        typed = without_escape(message.text).text
        if message.edits is not None:
            return await session.turns.edit(message.edits, meaning, typed)
        return await session.send(meaning, typed)
