"""Brings the user's requests to the session, in order.

It is the same for every front end. A message that is sent while a reply is written waits for the
end of the reply. Sent texts are stored in the history of inputs, and unsent text is the draft of
its conversation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from modechat.commands.dispatch import Work, stop_reply
from modechat.commands.drafts import Drafts
from modechat.commands.front_end import FrontEnd
from modechat.commands.sending import Sending
from modechat.commands.slash import read_slash, unknown_command
from modechat.commands.unsent import Message, UnsentMessages
from modechat.domain.conversation import ReplyState
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, joined
from modechat.errors import ModechatError, StoreError
from modechat.session.events import (
    CompactionChanged,
    ConversationOpened,
    ModeChangeAdded,
    ReplyEnded,
    SessionEvent,
    TurnAdded,
)

if TYPE_CHECKING:
    from modechat.commands.dispatch import Dispatcher
    from modechat.session.chat_session import ChatSession

SECONDS_TO_FINISH = 3.0
"""After this time, files that hang are not waited for when the program ends."""
_TRIES_TO_FINISH = 5
"""After so many times `SECONDS_TO_FINISH`, nothing is waited for."""

_STOP = read_slash("/stop")


Step: TypeAlias = Callable[[], Awaitable[Incomplete | None]]
"""A step returns the reason if it did nothing, or None. It may raise StoreError."""


class WorkQueue:
    """Runs steps in the order in which they were put.

    `say` and `show_error` tell the user why a step did nothing.
    """

    def __init__(
        self, say: Callable[[str], None], show_error: Callable[[ModechatError], Awaitable[None]]
    ) -> None:
        self._say = say
        self._show_error = show_error
        self._steps: asyncio.Queue[Step] = asyncio.Queue()
        self._n_unfinished = 0

    @property
    def is_idle(self) -> bool:
        return self._n_unfinished == 0

    def put(self, step: Step) -> None:
        """Run a step after those before it."""
        self._n_unfinished += 1
        self._steps.put_nowait(step)

    async def run(self) -> None:
        """Run the steps until the end of the program."""
        while True:
            step = await self._steps.get()
            try:
                await self._do(step)
            finally:
                self._n_unfinished -= 1
                self._steps.task_done()

    async def finish(self) -> None:
        """Wait until every step is done."""
        await self._steps.join()

    async def _do(self, step: Step) -> None:
        try:
            reason = await step()
        except StoreError as error:
            await self._show_error(error)
        else:
            if reason is not None:
                self._say(reason.reason)


class Outbox:
    """Collects requests with `submit` and `put`; `run` does them.

    A front end without a queue awaits `send` instead.
    """

    def __init__(
        self, front_end: FrontEnd, folder: Path = Path(), *, keeps_typed: bool = True
    ) -> None:
        """Relative paths of files begin in `folder`.

        `keeps_typed`: sent texts and drafts are stored.
        """
        self._front_end = front_end
        self._keeps_typed = keeps_typed
        self.folder = folder
        self._session: ChatSession | None = None
        self._is_connected = asyncio.Event()
        self._sending: Sending | None = None
        self._drafts: Drafts | None = None
        self._work = WorkQueue(front_end.say, front_end.show_error)
        self._unsent = UnsentMessages()
        self._doubted = ""
        """The text that looks like a command and that the user was asked about."""

    async def connect(self, session: ChatSession, dispatcher: Dispatcher) -> tuple[Typed, ...]:
        """Act on `session` from now on: show its draft, and do what was asked for before.

        Return the texts sent earlier, newest first.
        """
        front_end = self._front_end
        if self._keeps_typed:
            show, complain = front_end.show_draft, front_end.show_error
            self._drafts = Drafts(session, self._not_accepted, show, complain)
            await self._drafts.begin()
        self._sending = Sending(
            session, dispatcher, self.folder, front_end, self._unsent, self._drafts
        )
        sent = await self.sent()
        self._session = session
        for message in self._unsent.messages:
            self._unsent.set_waiting(message, waits=False)
        self._is_connected.set()
        front_end.show_queued(self.queued)
        return sent

    # What waits

    @property
    def queued(self) -> tuple[Typed, ...]:
        """The messages that wait for the end of a reply."""
        return self._unsent.waiting

    def take_back(self) -> tuple[Typed, ...]:
        """Forget the queued messages, and return them."""
        queued = self._unsent.take_back()
        self._front_end.show_queued(())
        return queued

    # What the user does

    def doubt(self, text: str) -> str:
        """Return the reason why `text` may be no message: it looks like a command.

        Empty if it is a message, or is submitted for the second time.
        """
        doubt = unknown_command(text) if text != self._doubted else ""
        self._doubted = text if doubt else ""
        return doubt

    def submit(self, typed: Typed, edits: int | None = None) -> None:
        """Send a typed text after all earlier requests; but /stop stops a check at once.

        `edits` is the turn whose message it replaces. `/stop` waits for no check that it stops.
        """
        if read_slash(typed) == _STOP and self._sending is not None and self._sending.stop():
            self._front_end.forget_input(typed)
            return
        message = Message(typed, edits)
        self._unsent.add(message)
        if self._session is None:
            self._unsent.set_waiting(message, waits=True)
            self._front_end.show_queued(self.queued)
        self._work.put(partial(self._deliver, message))

    def put(self, work: Work) -> None:
        """Have the session do something after all earlier requests."""
        self._work.put(partial(self._do, work))

    async def send(self, typed: Typed) -> Incomplete | None:
        """Send a typed text now; return the reason if it cannot be sent. Raises StoreError."""
        message = Message(typed)
        self._unsent.add(message)
        return await self._deliver(message)

    @property
    def can_stop(self) -> bool:
        """True if there is something to stop."""
        return self._sending is not None and self._sending.can_stop

    async def stop(self) -> None:
        """Stop the check of a message before it is sent, or a read of a file, or else the reply.

        Earlier requests are done first, because one of them may begin the reply that is meant.
        """
        if self._session is None or (self._sending is not None and self._sending.stop()):
            return
        if self._work.is_idle:
            await self._session.stop()
        else:
            self.put(stop_reply)

    async def run(self) -> None:
        """Do the requests from the connection on, until the end of the program."""
        await self._is_connected.wait()
        await self._work.run()

    async def finish(self) -> None:
        """Wait until all requests are done and the draft is saved.

        What hangs is given up after some seconds; its messages, and those behind it, become the
        draft.
        """
        done = asyncio.create_task(self._work.finish())
        for _ in range(_TRIES_TO_FINISH):
            if self._session is None or self._sending is None:
                break
            if (await asyncio.wait({done}, timeout=SECONDS_TO_FINISH))[0]:
                break
            self._session.reads.give_up()
            self._sending.stop()
        done.cancel()
        await self.save_draft()

    # What is kept

    def draft_changed(self) -> None:
        """Save the draft soon."""
        if self._drafts is not None:
            self._drafts.save_soon()

    async def save_draft(self) -> None:
        """Save the draft now."""
        if self._drafts is not None:
            await self._drafts.save()

    async def keep_sent(self, typed: Typed) -> None:
        """Store a text that reached the conversation, so that it can be recalled."""
        if self._drafts is not None:
            await self._drafts.keep_sent(typed)

    async def sent(self) -> tuple[Typed, ...]:
        """Return the texts sent before, newest first."""
        if self._drafts is not None:
            return await self._drafts.sent()
        return await self._session.inputs.sent() if self._session is not None else ()

    def _not_accepted(self) -> Typed:
        """Return all typed text that the session has not accepted."""
        return joined([*self._unsent.not_accepted, self._front_end.at_prompt()])

    # Events of the session

    def receive(self, event: SessionEvent) -> None:
        """Act on an event of the session."""
        match event:
            case ReplyEnded(turn=turn) if turn.reply.state is not ReplyState.COMPLETE:
                if queued := self.take_back():
                    self._front_end.give_back(Message(joined(queued)))
            case ReplyEnded() | CompactionChanged(is_running=False):
                self._deliver_waiting()
            case ConversationOpened(conversation=conversation) if self._drafts is not None:
                left = self._front_end.leave_prompt(by_command=self._unsent.is_doing_command)
                left = joined([*self.take_back(), left])
                if left and event.is_replacement:  # no conversation is left that could have it
                    self._front_end.give_back(Message(left))
                    left = Typed()
                opened = None if conversation is None else conversation.id
                self._drafts.conversation_opened(opened, left)
            case TurnAdded() | ModeChangeAdded() if self._drafts is not None:
                self._drafts.conversation_saved()
            case _:
                pass

    async def _do(self, work: Work) -> Incomplete | None:
        assert self._session is not None  # it is connected
        return await work(self._session)

    async def _deliver(self, message: Message) -> Incomplete | None:
        assert self._sending is not None  # it is connected
        try:
            return await self._sending.deliver(message)
        finally:
            if not self._sending.has_reply:
                self._deliver_waiting()

    def _deliver_waiting(self) -> None:
        """Send the first message that waits, in its turn."""
        if (message := self._unsent.first_waiting) is not None:
            self._work.put(partial(self._deliver, message))
