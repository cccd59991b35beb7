"""The draft of each conversation: on disk half a second after every change, and back when the conversation is opened.

Until the session has taken a message, it belongs to the draft as well: whatever is killed, little is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from textual.timer import Timer

from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, joined
from modechat.errors import StoreError
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen

    Command: TypeAlias = Callable[[ChatSession], Awaitable[Incomplete | None]]

_SAVE_AFTER = 0.5  # seconds


class Drafts:
    """Acts through the chat screen, which owns the prompt and the order of commands."""

    def __init__(self, screen: ChatScreen, unsent: Callable[[], Iterable[Typed]]) -> None:
        """`unsent` tells what was asked to be sent and the session has not taken yet."""
        self._screen = screen
        self._unsent = unsent
        self._conversation_id: int | None = None
        """The conversation that the draft belongs to; None: a new one."""
        self._left: Typed | None = None
        """What was in the prompt when another conversation was asked for."""
        self._is_there = asyncio.Event()
        """The conversation's draft has been shown: until then, to save would overwrite it."""
        self._changing = asyncio.Lock()
        """Drafts go from one conversation to another in the order in which these were opened."""
        self._saving: Timer | None = None
        self._disk_refuses = False

    async def connect(self, session: ChatSession) -> None:
        """The session is there, with its conversation open."""
        self._conversation_id = id_of(session)
        await self._show(session, self._conversation_id)

    # Saving

    def save_soon(self) -> None:
        if self._saving is None:
            self._saving = self._screen.set_timer(_SAVE_AFTER, self._begin_to_save)

    def _begin_to_save(self) -> None:
        self._screen.run_worker(self.save(), name="draft")  # the screen does not wait for the disk

    async def save(self) -> None:
        """Save the draft, now or as soon as the conversation's own is there."""
        if self._saving is not None:
            self._saving.stop()
            self._saving = None
        session = self._screen.session
        if session is not None:
            await self._is_there.wait()
            async with self._changing:  # then the drafts of both conversations are on disk
                await self._save_now(session)

    async def _save_now(self, session: ChatSession) -> None:
        draft = joined([self._left or Typed(), *self._unsent(), self._screen.prompt.typed])
        await self._save(session, self._conversation_id, draft)

    async def tell(self, error: StoreError) -> None:
        """Say once that the disk refuses; not while the program ends."""
        session = self._screen.session
        if not self._disk_refuses and session is not None and session.phase is not Phase.CLOSED:
            self._disk_refuses = True
            await self._screen.show_trouble(error)

    async def _save(self, session: ChatSession, conversation_id: int | None, draft: Typed) -> None:
        if session.phase is Phase.CLOSED:
            return  # what was to be saved has been, before
        try:
            await session.inputs.save_draft(conversation_id, draft)
        except StoreError as error:
            await self.tell(error)
        else:
            self._disk_refuses = False

    # Going from one conversation to another

    async def go(self, command: Command) -> None:
        """Go to another conversation, after what was asked before; what is at the prompt stays with this one."""
        await self._screen.prompt.keys_are_handled()
        aside = self._screen.composer.leave_editing()
        self._left = joined([self._left or Typed(), aside, self._screen.prompt.typed])
        self._screen.prompt.clear()
        self._screen.put(partial(self._go, command))

    async def _go(self, command: Command, session: ChatSession) -> Incomplete | None:
        reason: Incomplete | None = None
        try:
            reason = await command(session)
        finally:
            left, self._left = (
                self._left,
                None,
            )  # `arrive` has taken it, if the conversation changed
            if left:
                self._screen.prompt.restore(left)
        return reason

    def arrive(
        self, session: ChatSession, conversation_id: int | None, queued: Iterable[Typed]
    ) -> None:
        """Another conversation is open. What was typed since that was asked for is its, `queued` the old one's."""
        left, self._left = self._left, None
        if left is None:
            left = self._screen.prompt.typed
            self._screen.prompt.area.begin_with(Typed())
        draft = joined([*queued, left])
        old_id, self._conversation_id = self._conversation_id, conversation_id
        self._is_there.clear()
        self._screen.run_worker(self._change(session, old_id, draft, conversation_id), name="draft")

    def begin(self, session: ChatSession) -> None:
        """The new conversation has something in it, and so a number."""
        if self._conversation_id is None:
            self._conversation_id = id_of(session)
            self._screen.run_worker(self._save(session, None, Typed()), name="draft")

    async def _change(
        self, session: ChatSession, old_id: int | None, draft: Typed, new_id: int | None
    ) -> None:
        """Give each conversation its draft. What was typed meanwhile may be on disk in the old one's: it stays there
        until it is in the new one's."""
        async with self._changing:
            if old_id == new_id:
                await self._save(session, old_id, draft)
                await self._show(session, new_id)
                return
            await self._show(session, new_id)
            if new_id == self._conversation_id:
                await self._save_now(session)
            await self._save(session, old_id, draft)

    async def _show(self, session: ChatSession, conversation_id: int | None) -> None:
        draft = Typed()
        try:
            draft = await session.inputs.draft(conversation_id)
        except StoreError as error:
            await self.tell(error)
        if conversation_id == self._conversation_id:
            self._is_there.set()
            if draft:
                self._screen.prompt.begin_with(draft)
            elif self._screen.prompt.text:
                self.save_soon()


def id_of(session: ChatSession) -> int | None:
    """The conversation that is open; None: a new one."""
    return session.conversation.id if session.conversation is not None else None
