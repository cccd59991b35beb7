"""Keeps on disk what was typed: what was sent, and the draft of each conversation.

A draft is saved half a second after every change, and shown again when the conversation is opened.
Until the session has accepted a message, it belongs to the draft as well: so little is lost if the
program is killed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from modechat.commands.background import BackgroundTasks
from modechat.domain.typed import Typed
from modechat.errors import StoreError
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_SAVE_AFTER = 0.5  # seconds


class Drafts:
    """Keeps what stands at a prompt with the conversation that it was typed in."""

    def __init__(
        self,
        session: ChatSession,
        unsent: Callable[[], Typed],
        show: Callable[[Typed], None],
        disk_refuses: Callable[[StoreError], Awaitable[None]],
    ) -> None:
        """`unsent` returns all that was typed and the session has not accepted.

        `show` puts a draft before what stands at the prompt.

        `disk_refuses` is awaited once, until the disk takes a draft again.
        """
        self._session = session
        self._unsent = unsent
        self._show = show
        self._disk_refuses = disk_refuses
        self._conversation_id = session.conversation_id
        """The conversation that the draft belongs to; None: a new one."""
        self._is_shown = asyncio.Event()
        """Set when the conversation's draft was shown: before that, saving would overwrite it."""
        self._changing = asyncio.Lock()
        """Held while drafts are exchanged: conversations are handled in the order of opening."""
        self._saving: asyncio.TimerHandle | None = None
        self._tasks = BackgroundTasks()
        self._has_complained = False

    async def begin(self) -> None:
        """Show the draft of the conversation that is open."""
        await self._show_draft(self._conversation_id)

    # Saving

    def save_soon(self) -> None:
        """Save half a second after the first change."""
        if self._saving is None:
            loop = asyncio.get_running_loop()
            self._saving = loop.call_later(_SAVE_AFTER, self._save_now_in_task)

    def _save_now_in_task(self) -> None:
        self._tasks.begin(self.save())

    async def save(self) -> None:
        """Save the draft, now or as soon as the conversation's own is there."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        await self._is_shown.wait()
        async with self._changing:  # then the drafts of both conversations are on disk
            await self._save(self._conversation_id, self._unsent())

    # What was sent

    async def keep_sent(self, typed: Typed) -> None:
        """Keep what was sent, so that it can be called back, and save the draft without it."""
        session = self._session
        try:
            await session.inputs.add(typed, session.conversation_id)
        except StoreError as error:
            await self._complain(error)
        await self.save()

    async def sent(self) -> tuple[Typed, ...]:
        """Return what was sent, newest first."""
        try:
            return await self._session.inputs.sent()
        except StoreError as error:
            await self._complain(error)
            return ()

    async def _complain(self, error: StoreError) -> None:
        """Say once that the disk refuses; not while the program ends."""
        if not self._has_complained and self._session.phase is not Phase.CLOSED:
            self._has_complained = True
            await self._disk_refuses(error)

    async def _save(self, conversation_id: int | None, draft: Typed) -> None:
        if self._session.phase is Phase.CLOSED:
            return  # what was to be saved has been, before
        try:
            await self._session.inputs.save_draft(conversation_id, draft)
        except StoreError as error:
            await self._complain(error)
        else:
            self._has_complained = False

    # Going from one conversation to another

    def conversation_opened(self, conversation_id: int | None, draft: Typed) -> None:
        """Go on in another conversation. `draft` stays with the old one, the prompt does not."""
        old_id, self._conversation_id = self._conversation_id, conversation_id
        self._is_shown.clear()
        self._tasks.begin(self._change(old_id, draft, conversation_id))

    def conversation_saved(self) -> None:
        """Note that the new conversation has its first entry, and so a number."""
        if self._conversation_id is None:
            self._conversation_id = self._session.conversation_id
            self._tasks.begin(self._save(None, Typed()))

    async def _change(self, old_id: int | None, draft: Typed, new_id: int | None) -> None:
        """Give each conversation its draft.

        What was typed meanwhile may be on disk in the old draft. It stays there until it is in the
        new one.
        """
        async with self._changing:
            if old_id == new_id:
                await self._save(old_id, draft)
                await self._show_draft(new_id)
                return
            await self._show_draft(new_id)
            if new_id == self._conversation_id:
                await self._save(new_id, self._unsent())
            await self._save(old_id, draft)

    async def _show_draft(self, conversation_id: int | None) -> None:
        draft = Typed()
        try:
            draft = await self._session.inputs.draft(conversation_id)
        except StoreError as error:
            await self._complain(error)
        if conversation_id == self._conversation_id:
            self._is_shown.set()
            if draft:
                self._show(draft)
            elif self._unsent():
                self.save_soon()
