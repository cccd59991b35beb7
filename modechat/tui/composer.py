"""What was typed, on its way to the session: sent at once, or queued until the reply that runs has ended.

A message belongs to the draft until the session has taken it. What could not be sent comes back to the prompt.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from modechat.commands.requests import request_of
from modechat.commands.slash import SlashCommand, read_slash, unknown_command, without_escape
from modechat.domain.attachments import mentions
from modechat.domain.conversation import ReplyState, message_text
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch, Task, parse
from modechat.domain.typed import Typed, joined
from modechat.errors import StoreError
from modechat.session.attachments import attach, mentioned_files
from modechat.session.events import (
    BranchChanged,
    CompactionChanged,
    ConversationOpened,
    ModeChangeAdded,
    ReplyEnded,
    SessionEvent,
    TurnAdded,
)
from modechat.session.fitting import why_too_long
from modechat.tui.drafts import Drafts, id_of

if TYPE_CHECKING:
    from modechat.domain.conversation import Turn
    from modechat.session.chat_session import ChatSession
    from modechat.tui.screens.chat import ChatScreen


_HEADERS = tuple(Switch(ModeState(mode)) for mode in Mode)
"""What headers that stand alone mean: they are not called back."""


@dataclass(eq=False, slots=True)
class _Message:
    typed: Typed
    edits: int | None = None
    """The turn whose message it takes the place of."""
    is_queued: bool = False
    """It waits for the end of a reply."""


class Composer:
    """Acts through the chat screen, which owns the prompt and the order of commands."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self._messages: list[_Message] = []
        """What was asked to be sent and the session has not taken yet."""
        self.drafts = Drafts(
            screen, lambda: (*(message.typed for message in self._messages), self._set_aside)
        )
        self.folder = Path()
        """Where relative paths begin."""
        self._editing: int | None = None
        """The turn whose message is being edited at the prompt."""
        self._set_aside = Typed()
        """What was at the prompt before a message was edited there."""
        self._is_loaded = False
        """What was sent before is known. What is sent until then waits."""
        self._doubted = ""
        """The text that the user was asked about, because it looks like a command."""
        self.attached_size = 0
        """Bytes of the files that the text at the prompt mentions."""

    @property
    def queued(self) -> tuple[Typed, ...]:
        """What waits for the end of a reply."""
        return tuple(message.typed for message in self._messages if message.is_queued)

    def connect(self, session: ChatSession) -> None:
        """The session is there, with its conversation open."""
        self._screen.prompt.take_back = self.take_back
        self._screen.run_worker(self._load(session), name="inputs")

    async def _load(self, session: ChatSession) -> None:
        await self.drafts.connect(session)
        try:
            self._screen.prompt.recall.load(await session.inputs.sent())
        except StoreError as error:
            await self.drafts.tell(error)
        self._is_loaded = True
        for message in self._messages:
            self._screen.prompt.recall.add(message.typed)
            self._screen.put(partial(self._deliver, message))

    # What the user does

    def submit(self, typed: Typed) -> None:
        """Send it, after what was asked before."""
        if typed.text.strip() and not self._asks_about(typed.text):
            message = _Message(typed, self._editing)
            self._show_editing(None)
            self._messages.append(message)
            self._screen.prompt.recall.add(typed)
            self._screen.prompt.fill(self._take_aside())
            if self._is_loaded:
                self._screen.put(partial(self._deliver, message))
            else:
                message.is_queued = True
                self._screen.prompt.show_queued(self.queued)

    def _asks_about(self, text: str) -> bool:
        """Ask whether a text that looks like a command is meant as it stands; whether it was not asked about before."""
        doubt = unknown_command(text) if text != self._doubted else ""
        self._doubted = text if doubt else ""
        if not doubt:
            return False
        self._screen.flash_up(f"{doubt} Enter again sends it.")
        return True

    def begin_editing(self, turn: Turn) -> None:
        """Have the user edit the message of a turn, to be sent in its place."""
        if self._editing is None:
            self._set_aside = self._screen.prompt.typed
        self._screen.prompt.fill(
            self._screen.prompt.recall.as_sent(turn.typed or message_text(turn.request))
        )
        self._show_editing(turn.id)
        self._screen.prompt.area.focus()

    def end_editing(self) -> bool:
        """Leave the message as it was. False: none was being edited."""
        was_editing = self._editing is not None
        if was_editing:
            self._show_editing(None)
            self._screen.prompt.fill(self._take_aside())
        return was_editing

    def leave_editing(self) -> Typed:
        """Make what is edited an ordinary text. Returns what was at the prompt before."""
        self._show_editing(None)
        return self._take_aside()

    def _take_aside(self) -> Typed:
        aside, self._set_aside = self._set_aside, Typed()
        return aside

    def _show_editing(self, turn_id: int | None) -> None:
        self._editing = turn_id
        self._screen.prompt.show_editing(turn_id is not None)

    def take_back(self) -> bool:
        """Put what is queued into the prompt again; whether there was anything."""
        queued = self.queued
        self._forget_queued()
        if queued:
            self._screen.prompt.restore(joined(queued))
        return bool(queued)

    def text_changed(self) -> None:
        """Save the draft soon, and look at the files that are mentioned."""
        self.drafts.save_soon()
        if mentions(self._screen.prompt.typed):
            self._screen.run_worker(
                self._look_for_files(), name="files", group="files", exclusive=True
            )
        else:
            self._show_files({})

    async def _look_for_files(self) -> None:
        self._show_files(
            await asyncio.to_thread(mentioned_files, self._screen.prompt.typed, self.folder)
        )

    def _show_files(self, files: dict[str, int]) -> None:
        self._screen.prompt.show_files(files.keys())
        if sum(files.values()) != self.attached_size:
            self.attached_size = sum(files.values())
            self._screen.show_forecast()

    async def expanded(self) -> Typed | Incomplete:
        """The text at the prompt with the files that it mentions, as it would be sent."""
        return await self._with_files(self._screen.prompt.typed)

    @property
    def edited(self) -> int | None:
        """The turn whose message is being edited at the prompt."""
        return self._editing

    async def was_asked(self, typed: Typed) -> None:
        """What stood at the prompt has reached the conversation in another way than by being sent."""
        session = self._screen.session
        if session is None:
            return
        self._show_editing(None)
        self._screen.prompt.recall.add(typed)
        if self._screen.prompt.typed == typed:
            self._screen.prompt.clear()
        await self._keep(typed, session)
        await self.drafts.save()

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
                opened = conversation.id if conversation is not None else None
                self.drafts.arrive(session, opened, (*self.queued, self.leave_editing()))
                self._forget_queued()
            case BranchChanged(turn_id=None):  # a turn was deleted
                self._screen.run_worker(self._forget_deleted(session), name="sent")
            case TurnAdded() | ModeChangeAdded():
                self.drafts.begin(session)
            case _:
                pass

    async def _forget_deleted(self, session: ChatSession) -> None:
        """What is not kept any more cannot be called back."""
        try:
            kept = await session.inputs.sent()
        except StoreError as error:
            await self.drafts.tell(error)
        else:
            self._screen.prompt.recall.forget({typed.text for typed in (*kept, *self.queued)})

    def _send_queued(self) -> None:
        message = next((message for message in self._messages if message.is_queued), None)
        if message is not None:
            self._screen.put(partial(self._deliver, message))

    def _forget_queued(self) -> None:
        self._messages = [message for message in self._messages if not message.is_queued]
        self._screen.prompt.show_queued(())

    # Sending

    async def _deliver(self, message: _Message, session: ChatSession) -> Incomplete | None:
        if message not in self._messages:
            return None  # it was taken back
        typed, command = message.typed, read_slash(message.typed)
        message.is_queued = (
            _can_wait(session) and message.edits is None and _is_turn(typed, command, session)
        )
        self._screen.prompt.show_queued(self.queued)
        if message.is_queued:
            return None
        reason: Incomplete | None = Incomplete("")
        is_header = command is None and parse(typed.text, session.state) in _HEADERS
        try:
            reason = await self._send(message, command, session)
        finally:
            self._messages.remove(message)
            if reason is not None:
                self._bring_back(message)
            if reason is not None or is_header:
                self._screen.prompt.recall.take_out(typed)
        if reason is None and not is_header:
            await self._keep(typed, session)
        await self.drafts.save()
        return reason

    def _bring_back(self, message: _Message) -> None:
        """It could not be sent."""
        if message.edits is None:
            self._screen.prompt.restore(message.typed)
            return
        self._set_aside = self._screen.prompt.typed
        self._screen.prompt.fill(message.typed)
        self._show_editing(message.edits)

    async def _send(
        self, message: _Message, command: SlashCommand | None, session: ChatSession
    ) -> Incomplete | None:
        typed = message.typed
        if command is not None and not _starts_task(command):
            return await self._screen.run_typed(command, session)
        text = await self._with_files(typed)
        if isinstance(text, Incomplete):
            return text
        if reason := await why_too_long(text, session):
            return reason
        command = read_slash(text)
        if message.edits is not None:
            request = request_of(text, session) if command is not None else None
            return await session.turns.edit(message.edits, without_escape(text), request)
        if command is not None:
            return await self._screen.run_typed(command, session)
        return await session.send(without_escape(text))

    async def _with_files(self, typed: Typed) -> Typed | Incomplete:
        return await asyncio.to_thread(attach, typed, self.folder) if mentions(typed) else typed

    async def _keep(self, typed: Typed, session: ChatSession) -> None:
        """What was typed can be called back."""
        try:
            await session.inputs.add(typed, id_of(session))
        except StoreError as error:
            await self.drafts.tell(error)


def _can_wait(session: ChatSession) -> bool:
    """Whether there is something whose end a message can wait for. A comparison ends when the user ends it."""
    return session.is_busy and not session.comparison.is_open


def _is_turn(text: Typed, command: SlashCommand | None, session: ChatSession) -> bool:
    """Whether the text asks the model something, so that it can wait for a reply that runs."""
    if command is not None:
        return _starts_task(command)
    return isinstance(parse(without_escape(text), session.state), ChatMessage | Task)


def _starts_task(command: SlashCommand) -> bool:
    return command.action.id == "choose_task" and bool(command.words)
