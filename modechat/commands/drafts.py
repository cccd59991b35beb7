"""Stores on disk what was typed: the sent texts, and the draft of each conversation.

A draft is saved half a second after a change, and shown again when the conversation is opened. A
message stays in the draft until the session has accepted it, so little is lost if the program is
killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING

from modechat.commands.background import BackgroundTasks
from modechat.domain.typed import Typed, joined
from modechat.errors import StoreError
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_SAVE_AFTER = 0.5  # seconds


class Drafts:
    """Stores the text at the prompt with the conversation in which it was typed."""

    def __init__(
        self,
        session: ChatSession,
        unsent: Callable[[], Typed],
        show: Callable[[Typed], None],
        disk_refuses: Callable[[StoreError], Awaitable[None]],
    ) -> None:
        """`unsent` returns all typed text that the session has not accepted.

        `show` puts a draft before the text at the prompt.

        `disk_refuses` is awaited for the first failure, and again for the first one after a
        success.
        """
        self._session = session
        self._unsent = unsent
        self._show = show
        self._disk_refuses = disk_refuses
        self._conversation_id = session.conversation_id
        """The conversation that the draft belongs to; None: a new one."""
        self._n_unshown = 0
        """The number of drafts of opened conversations still to be read. Only the last is shown."""
        self._not_shown = Typed()
        """A draft that was read when its conversation had been left already. It belongs to the
        text that was left there."""
        self._exchange: asyncio.Task[None] | None = None
        """The last exchange of drafts. Each one waits for the one before it."""
        self._saving: asyncio.TimerHandle | None = None
        self._tasks = BackgroundTasks()
        self._has_complained = False

    async def begin(self) -> None:
        """Show the draft of the open conversation."""
        self._n_unshown += 1
        await self._begin_exchange(self._show_draft(self._conversation_id))

    # Saving

    def save_soon(self) -> None:
        """Save half a second after the first change."""
        if self._saving is None:
            loop = asyncio.get_running_loop()
            self._saving = loop.call_later(_SAVE_AFTER, self._save_now_in_task)

    def _save_now_in_task(self) -> None:
        self._tasks.begin(self.save())

    async def save(self) -> None:
        """Save the draft, once the draft of the conversation has been shown.

        Saving it earlier would overwrite that draft.
        """
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        while self._exchange is not None and not self._exchange.done():
            await asyncio.wait({self._exchange})
        await self._save(self._conversation_id, self._unsent())

    # What was sent

    async def keep_sent(self, typed: Typed) -> None:
        """Store a sent text, so that it can be recalled, and save the draft without it."""
        session = self._session
        try:
            await session.inputs.add(typed, session.conversation_id)
        except StoreError as error:
            await self._complain(error)
        await self.save()

    async def sent(self) -> tuple[Typed, ...]:
        """Return the sent texts, newest first."""
        try:
            return await self._session.inputs.sent()
        except StoreError as error:
            await self._complain(error)
            return ()

    async def _complain(self, error: StoreError) -> None:
        """Report once that the disk refuses, but not while the program ends."""
        if not self._has_complained and self._session.phase is not Phase.CLOSED:
            self._has_complained = True
            await self._disk_refuses(error)

    async def _save(self, conversation_id: int | None, draft: Typed) -> None:
        if self._session.phase is Phase.CLOSED:
            return  # everything was saved before
        try:
            await self._session.inputs.save_draft(conversation_id, draft)
        except StoreError as error:
            await self._complain(error)
        else:
            self._has_complained = False

    # Going from one conversation to another

    def conversation_opened(self, conversation_id: int | None, draft: Typed) -> None:
        """Change to another conversation.

        `draft` stays with the old one, the text at the prompt does not.
        """
        old_id, self._conversation_id = self._conversation_id, conversation_id
        self._n_unshown += 1
        self._begin_exchange(self._change(old_id, draft, conversation_id))

    def conversation_saved(self) -> None:
        """Note that the new conversation has its first entry, and so a number."""
        if self._conversation_id is None:
            self._conversation_id = self._session.conversation_id
            self._begin_exchange(self._save(None, Typed()))

    def _begin_exchange(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        self._exchange = self._tasks.begin(_after(self._exchange, work))
        return self._exchange

    async def _change(self, old_id: int | None, draft: Typed, new_id: int | None) -> None:
        """Give each conversation its draft.

        The old draft on disk may hold text that was typed meanwhile. It stays there until the new
        draft holds that text.
        """
        draft, self._not_shown = joined([self._not_shown, draft]), Typed()
        if old_id == new_id:
            await self._save(old_id, draft)
            await self._show_draft(new_id)
            return
        await self._show_draft(new_id)
        if not self._n_unshown:
            await self._save(self._conversation_id, self._unsent())
        await self._save(old_id, draft)

    async def _show_draft(self, conversation_id: int | None) -> None:
        """Show the draft, unless another conversation was opened meanwhile."""
        draft = Typed()
        try:
            draft = await self._session.inputs.draft(conversation_id)
        except StoreError as error:
            await self._complain(error)
        self._n_unshown -= 1
        if self._n_unshown:
            self._not_shown = draft
        elif draft:
            self._show(draft)
        elif self._unsent():
            self.save_soon()


async def _after(before: asyncio.Task[None] | None, work: Coroutine[object, object, None]) -> None:
    if before is not None:
        await asyncio.wait({before})
    await work
