"""What was typed, on its way to the session.

A message is sent at once, or waits until the reply that runs has ended. Until the session has taken it, it belongs to
the conversation's draft, which is on disk half a second after every change: whatever is killed, little is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from textual.timer import Timer

from modechat.commands.slash import SlashCommand, read_slash, without_escape
from modechat.domain.attachments import mentions
from modechat.domain.conversation import ReplyState
from modechat.domain.modes import ChatMessage, Incomplete, Task, parse
from modechat.domain.typed import Typed, joined
from modechat.errors import StoreError
from modechat.session.attachments import attach, mentioned_files
from modechat.session.events import (
    CompactionChanged,
    ConversationOpened,
    ModeChangeAdded,
    ReplyEnded,
    SessionEvent,
    TurnAdded,
)
from modechat.session.fitting import why_too_long
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen

    Command: TypeAlias = Callable[[ChatSession], Awaitable[Incomplete | None]]

_SAVE_AFTER = 0.5  # seconds


@dataclass(eq=False, slots=True)
class _Message:
    typed: Typed
    is_queued: bool = False
    """It waits for the end of a reply."""


class Composer:
    """Acts through the chat screen, which owns the prompt and the order of commands."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._messages: list[_Message] = []
        """What was asked to be sent and the session has not taken yet."""
        self._conversation_id: int | None = None
        """The conversation that the draft belongs to; None: a new one."""
        self._left: Typed | None = None
        """What was in the prompt when another conversation was asked for."""
        self._is_opening = True
        """The conversation's draft is not there yet."""
        self._saving: Timer | None = None
        self._disk_refuses = False
        self.folder = Path()
        """Where relative paths begin."""
        self.attached_size = 0
        """Bytes of the files that the text at the prompt mentions."""

    @property
    def queued(self) -> tuple[Typed, ...]:
        """What waits for the end of a reply."""
        return tuple(message.typed for message in self._messages if message.is_queued)

    # Life

    def connect(self, session: ChatSession) -> None:
        """The session is there, with its conversation open."""
        self._screen.prompt.take_back = self.take_back
        self._conversation_id = _id_of(session)
        self._screen.run_worker(self._load(session, self._conversation_id), name="inputs")

    async def _load(self, session: ChatSession, conversation_id: int | None) -> None:
        try:
            self._screen.prompt.recall.load(await session.inputs.sent())
        except StoreError as error:
            await self._tell(error)
        await self._show_draft(session, conversation_id)

    async def save(self) -> None:
        """Save the draft now."""
        if self._saving is not None:
            self._saving.stop()
            self._saving = None
        session = self._screen.session
        if session is not None and not self._is_opening:
            await self._save(session, self._conversation_id, self._draft())

    # What the user does

    def submit(self, typed: Typed) -> None:
        """Send it, after what was asked before."""
        if self._screen.session is None:
            self._screen.flash_up("One moment: your conversations are being opened.")
        elif typed.text.strip():
            message = _Message(typed)
            self._messages.append(message)
            self._screen.prompt.recall.add(typed)
            self._screen.prompt.clear()
            self._screen.put(partial(self._deliver, message))

    def take_back(self) -> bool:
        """Put what is queued into the prompt again; whether there was anything."""
        queued = self.queued
        self._forget_queued()
        if queued:
            self._screen.prompt.restore(joined(queued))
        return bool(queued)

    async def go(self, command: Command) -> None:
        """Go to another conversation, after what was asked before; what is at the prompt stays with this one."""
        await self._screen.prompt.keys_are_handled()
        self._left = joined([*filter(None, [self._left]), self._screen.prompt.typed])
        self._screen.prompt.clear()
        self._screen.put(partial(self._go, command))

    async def _go(self, command: Command, session: ChatSession) -> Incomplete | None:
        before = self._conversation_id
        try:
            reason = await command(session)
        except StoreError:
            self._stay()
            raise
        if reason is not None or (self._left is not None and before == self._conversation_id):
            self._stay()
        return reason

    def _stay(self) -> None:
        left, self._left = self._left, None
        if left:
            self._screen.prompt.restore(left)

    def text_changed(self) -> None:
        """Save the draft soon, and look at the files that are mentioned."""
        if self._saving is None:
            self._saving = self._screen.set_timer(_SAVE_AFTER, self.save)
        if mentions(self._screen.prompt.typed):
            self._screen.run_worker(self._look_for_files(), name="files", group="files", exclusive=True)
        else:
            self._show_files({})

    async def _look_for_files(self) -> None:
        self._show_files(await asyncio.to_thread(mentioned_files, self._screen.prompt.typed, self.folder))

    def _show_files(self, files: dict[str, int]) -> None:
        self._screen.prompt.show_files(files.keys())
        if sum(files.values()) != self.attached_size:
            self.attached_size = sum(files.values())
            self._screen.show_forecast()

    async def expanded(self) -> str | Incomplete:
        """The text at the prompt with the files that it mentions, as it would be sent."""
        return await self._with_files(self._screen.prompt.typed)

    # What the session tells

    def receive(self, event: SessionEvent) -> None:
        session = self._screen.session
        if session is None:
            return
        match event:
            case ReplyEnded(turn=turn) if turn.reply.state is not ReplyState.COMPLETE:
                self.take_back()
            case ReplyEnded() | CompactionChanged(is_running=False):
                self._send_queued()
            case ConversationOpened(conversation=conversation):
                self._arrive(session, conversation.id if conversation is not None else None)
            case TurnAdded() | ModeChangeAdded() if self._conversation_id is None:
                self._conversation_id = _id_of(session)
                self._screen.run_worker(self._save(session, None, Typed()), name="draft")
            case _:
                pass

    def _send_queued(self) -> None:
        message = next((message for message in self._messages if message.is_queued), None)
        if message is not None:
            self._screen.put(partial(self._deliver, message))

    def _arrive(self, session: ChatSession, conversation_id: int | None) -> None:
        """Another conversation is open. What was typed since it was asked for belongs to it."""
        prompt = self._screen.prompt
        left, self._left = self._left, None
        if left is None:
            left = prompt.typed
            prompt.area.begin_with(Typed())
        draft = joined([*self.queued, left])
        self._forget_queued()
        old_id, self._conversation_id = self._conversation_id, conversation_id
        self._is_opening = True
        self._screen.run_worker(self._change(session, old_id, draft), name="draft")

    async def _change(self, session: ChatSession, old_id: int | None, draft: Typed) -> None:
        new_id = self._conversation_id
        await self._save(session, old_id, draft)
        await self._show_draft(session, new_id)

    async def _show_draft(self, session: ChatSession, conversation_id: int | None) -> None:
        draft = Typed()
        try:
            draft = await session.inputs.draft(conversation_id)
        except StoreError as error:
            await self._tell(error)
        if conversation_id == self._conversation_id:
            self._is_opening = False
            if draft:
                self._screen.prompt.begin_with(draft)
            elif self._screen.prompt.text:
                self.text_changed()

    # Sending

    async def _deliver(self, message: _Message, session: ChatSession) -> Incomplete | None:
        if message not in self._messages:
            return None  # it was taken back
        typed, command = message.typed, read_slash(message.typed.text)
        message.is_queued = session.is_busy and _is_turn(typed.text, command, session)
        self._screen.prompt.show_queued(self.queued)
        if message.is_queued:
            return None
        reason: Incomplete | None = Incomplete("")
        try:
            reason = await self._send(typed, command, session)
        finally:
            self._messages.remove(message)
            if reason is not None:
                self._screen.prompt.restore(typed)
        await self._keep(typed, session)
        return reason

    async def _send(self, typed: Typed, command: SlashCommand | None, session: ChatSession) -> Incomplete | None:
        if command is not None and not _starts_task(command):
            return await self._screen.run_typed(command, session)
        text = await self._with_files(typed)
        if isinstance(text, Incomplete):
            return text
        if reason := await why_too_long(text, session):
            return reason
        command = read_slash(text)
        if command is not None:
            return await self._screen.run_typed(command, session)
        return await session.send(without_escape(text))

    async def _with_files(self, typed: Typed) -> str | Incomplete:
        return await asyncio.to_thread(attach, typed, self.folder) if mentions(typed) else typed.text

    def _forget_queued(self) -> None:
        self._messages = [message for message in self._messages if not message.is_queued]
        self._screen.prompt.show_queued(())

    # On disk

    def _draft(self) -> Typed:
        return joined([*(message.typed for message in self._messages), self._screen.prompt.typed])

    async def _keep(self, typed: Typed, session: ChatSession) -> None:
        """What was typed can be called back, and is no draft any more."""
        try:
            await session.inputs.add(typed, _id_of(session))
        except StoreError as error:
            await self._tell(error)
        await self.save()

    async def _save(self, session: ChatSession, conversation_id: int | None, draft: Typed) -> None:
        try:
            await session.inputs.save_draft(conversation_id, draft)
        except StoreError as error:
            await self._tell(error)
        else:
            self._disk_refuses = False

    async def _tell(self, error: StoreError) -> None:
        """Say once that the disk refuses; not while the program ends."""
        session = self._screen.session
        if not self._disk_refuses and session is not None and session.phase is not Phase.CLOSED:
            self._disk_refuses = True
            await self._screen.show_trouble(error)


def _is_turn(text: str, command: SlashCommand | None, session: ChatSession) -> bool:
    """Whether the text asks the model something, so that it can wait for a reply that runs."""
    if command is not None:
        return _starts_task(command)
    return isinstance(parse(without_escape(text), session.state), ChatMessage | Task)


def _starts_task(command: SlashCommand) -> bool:
    return command.action.id == "choose_task" and bool(command.words)


def _id_of(session: ChatSession) -> int | None:
    return session.conversation.id if session.conversation is not None else None
