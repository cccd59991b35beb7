"""Lists, searches, names, opens and deletes the stored conversations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Protocol

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.listing import ConversationSummary, Found, TurnExcerpt
from modechat.domain.modes import Incomplete
from modechat.session.disk import Disk
from modechat.session.events import SessionEvent, Trouble
from modechat.session.file_reads import FileReads
from modechat.session.gate import Gate, command
from modechat.session.settings import SessionSettings, label_of
from modechat.session.timeline import Timeline
from modechat.store import ConversationDamaged, ConversationInUse

MOST_LISTED = 10_000


class Leave(Protocol):
    def __call__(self, *, keeps: bool = True) -> Awaitable[None]:
        """Stop all work in the open conversation.

        If `keeps`, the engine stores what it has evaluated on disk.
        """


class Library:
    """All stored conversations. All methods raise StoreError if the disk refuses."""

    def __init__(
        self,
        disk: Disk,
        timeline: Timeline,
        gate: Gate,
        settings: Callable[[], SessionSettings],
        reads: FileReads,
        leave: Leave,
        opened: Callable[[bool], None],
        tell: Callable[[SessionEvent], None],
    ) -> None:
        """`opened` is called after another conversation was opened.

        It gets True if the one of before is deleted.
        """
        self._disk = disk
        self._timeline = timeline
        self._gate = gate
        self._settings = settings
        self._reads = reads
        self._leave = leave
        self._opened = opened
        self._tell = tell

    # What there is

    async def summaries(self) -> tuple[ConversationSummary, ...]:
        """Return the conversations by their last update, newest first."""
        return await self._disk.run(self._disk.store.summaries, MOST_LISTED)

    async def search(self, text: str) -> tuple[Found, ...]:
        """Return the conversations that have all words of `text` in one message or reply."""
        return await self._disk.search(text)

    async def preview(
        self, conversation_id: int, turn_id: int | None = None
    ) -> tuple[TurnExcerpt, ...]:
        """Return the last turns of a conversation, or those up to `turn_id`; oldest first."""
        return await self._disk.run(self._disk.store.preview, conversation_id, turn_id)

    async def rename(self, conversation_id: int, title: str) -> None:
        await self._timeline.rename(conversation_id, title)

    # Which one is open

    async def open_latest(self) -> None:
        """Open the newest conversation, or a new one.

        A new one is opened if there is none, another program has it open, or it is damaged.
        """
        latest = await self._timeline.latest_id()
        if latest is None:
            await self.begin_new()
            return
        try:
            await self.open(latest)
        except ConversationInUse:
            await self.begin_new()
            self._tell(
                Trouble(
                    "Your last conversation is open in another modechat",
                    "This is a new one. Both are saved; close the other program to go on with the "
                    "last one here.",
                )
            )
        except ConversationDamaged as error:
            await self.begin_new()
            self._tell(Trouble(error.title, f"This is a new one. {error.hint}"))

    @command(waits_for_reply=False)
    async def open(self, conversation_id: int) -> Incomplete | None:
        """Open a conversation.

        Raises ConversationInUse if another program has it open, and StoreError if it is gone.
        """
        await self._leave()
        await self._timeline.open(conversation_id)
        self._opened(False)
        return None

    @command(waits_for_reply=False)
    async def begin_new(self) -> Incomplete | None:
        """Open a new conversation."""
        await self._begin_new()
        return None

    @command(waits_for_reply=False)
    async def delete(self, conversation_id: int) -> Incomplete | None:
        """Delete a conversation for good. If it is the open one, a new one takes its place."""
        conversation = self._timeline.conversation
        if conversation is not None and conversation.id == conversation_id:
            await self._begin_new(is_replacement=True)
        started_at = await self._timeline.delete(conversation_id)
        if started_at is not None:
            await self._forget_evaluated(conversation_id, started_at)
        return None

    async def _begin_new(self, *, is_replacement: bool = False) -> None:
        await self._leave(keeps=not is_replacement)
        await self._timeline.start_new()
        self._opened(is_replacement)

    async def _forget_evaluated(self, conversation_id: int, started_at: datetime) -> None:
        """Remove the evaluated chat from the disk."""
        label = label_of(conversation_id, started_at)
        forget = self._settings().files.forget_chat
        await self._reads.unless_stopped(run_in_daemon_thread(forget, label))
