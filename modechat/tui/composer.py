"""Edits, sends, sets aside and restores what stands at the prompt.

A message belongs to the draft until the session has taken it. A message that could not be sent
comes back to the prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.commands.dispatch import Work
from modechat.commands.outbox import Outbox
from modechat.commands.unsent import Message
from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.attachments import mentions
from modechat.domain.conversation import message_text
from modechat.domain.key_names import key
from modechat.domain.modes import Incomplete
from modechat.domain.typed import Typed, joined
from modechat.errors import ModechatError
from modechat.session.attachments import mentioned_files
from modechat.session.events import BranchChanged, SessionEvent, Trouble
from modechat.tui.newest_work import run_newest

if TYPE_CHECKING:
    from textual.screen import Screen

    from modechat.commands.dispatch import Dispatcher
    from modechat.domain.conversation import Turn
    from modechat.session.chat_session import ChatSession
    from modechat.tui.widgets.prompt import Prompt
    from modechat.tui.widgets.transcript import Transcript


class Composer:
    """Sends what stands at the prompt of `screen`, and puts texts there."""

    def __init__(
        self,
        screen: Screen[None],
        prompt: Prompt,
        transcript: Transcript,
        say: Callable[[str], None],
        show_forecast: Callable[[], None],
    ) -> None:
        """Call `say` to show a text for a moment, and `show_forecast` when attachments change."""
        self.outbox = Outbox(self)
        self._screen = screen
        self._prompt = prompt
        self._say = say
        self._transcript = transcript
        self._show_forecast = show_forecast
        self._left: Typed | None = None
        """The text that was at the prompt when a key asked for another conversation."""
        self._set_aside = Typed()
        """The text that was at the prompt before a message was edited there."""
        self.editing: int | None = None
        """The id of the turn whose message is being edited at the prompt."""
        self.attached_size = 0
        """Total bytes of the files that the text at the prompt mentions."""

    async def connect(self, session: ChatSession, dispatcher: Dispatcher) -> None:
        """Take commands and messages for `session`, whose conversation is open."""
        self._prompt.take_back = self.take_back
        self._prompt.recall.load(await self.outbox.connect(session, dispatcher))

    # What the user does

    def submit(self, typed: Typed) -> None:
        """Send what was typed, after everything that was asked for before."""
        if not typed.text.strip():
            return
        if doubt := self.outbox.doubt(typed.text):
            self._say(f"{doubt} {key('send', 'Enter')} again sends it.")
            return
        edits = self.editing
        self._prompt.fill(self._leave_editing())
        self._prompt.recall.add(typed)
        self.outbox.submit(typed, edits)

    def begin_editing(self, turn: Turn) -> None:
        """Let the user edit the message of a turn; it is sent in place of the old one."""
        if self.editing is None:
            self._set_aside = self._prompt.typed
        self._prompt.fill(self._prompt.recall.as_sent(turn.typed or message_text(turn.request)))
        self._show_editing(turn.id)
        self._prompt.area.focus()

    def end_editing(self) -> bool:
        """Stop editing, and leave the message as it was. Return False if none was being edited."""
        if self.editing is None:
            return False
        self._prompt.fill(self._leave_editing())
        return True

    def take_back(self) -> bool:
        """Put the queued messages into the prompt again. Return False if nothing was queued."""
        queued = self.outbox.take_back()
        if queued:
            self._prompt.restore(joined(queued))
        return bool(queued)

    async def leave_conversation(self, work: Work) -> None:
        """Go to another conversation by `work`.

        What is at the prompt now stays with the conversation that is left.
        """
        await self._prompt.keys_are_handled()
        left = [self._left or Typed(), self._leave_editing(), self._prompt.typed]
        self._left = joined(left)
        self._prompt.clear()

        async def leave(session: ChatSession) -> Incomplete | None:
            try:
                return await work(session)
            finally:
                if self._left:  # the conversation did not change
                    self._prompt.restore(self._left)
                self._left = None

        self.outbox.put(leave)

    async def was_asked(self, typed: Typed) -> None:
        """Treat what stood at the prompt as sent: it reached the conversation in another way."""
        self._show_editing(None)
        self._prompt.recall.add(typed)
        if self._prompt.typed == typed:
            self._prompt.clear()
        await self.outbox.keep_sent(typed)

    # The text at the prompt

    def text_changed(self) -> None:
        """Save the draft soon, and look at the files that are mentioned."""
        self.outbox.draft_changed()
        if mentions(self._prompt.typed):
            # A method, not a coroutine: the next letter may cancel the work before it begins.
            run_newest(self._screen, self._look_for_files)
        else:
            self._show_files({})

    async def _look_for_files(self) -> None:
        folder = self.outbox.folder
        self._show_files(await run_in_daemon_thread(mentioned_files, self._prompt.typed, folder))

    def _show_files(self, files: dict[str, int]) -> None:
        self._prompt.show_files(files.keys())
        size = sum(files.values())
        if size != self.attached_size:
            self.attached_size = size
            self._show_forecast()

    def _leave_editing(self) -> Typed:
        """Make the edited message an ordinary text, and return what was at the prompt before."""
        self._show_editing(None)
        aside, self._set_aside = self._set_aside, Typed()
        return aside

    def _show_editing(self, turn_id: int | None) -> None:
        self.editing = turn_id
        self._prompt.show_editing(turn_id is not None)

    # What the outbox asks for

    def say(self, text: str) -> None:
        self._say(text)

    async def show_error(self, error: ModechatError) -> None:
        await self._transcript.add(Trouble(error.title, error.hint))

    def show_queued(self, queued: tuple[Typed, ...]) -> None:
        self._prompt.show_queued(queued)

    def give_back(self, message: Message) -> None:
        if message.edits is None:
            self._prompt.restore(message.typed)
            return
        self._set_aside = self._prompt.typed
        self._prompt.fill(message.typed)
        self._show_editing(message.edits)

    def forget_input(self, typed: Typed) -> None:
        self._prompt.recall.take_out(typed)

    def at_prompt(self) -> Typed:
        return joined([self._left or Typed(), self._set_aside, self._prompt.typed])

    def show_draft(self, draft: Typed) -> None:
        if self._left is None:
            self._prompt.begin_with(draft)
        else:  # it stays with the conversation that will be left
            self._left = joined([draft, self._left])

    def leave_prompt(self, *, by_command: bool) -> Typed:
        aside = self._leave_editing()
        left, self._left = self._left, None
        if left is None and by_command:
            left = Typed()  # the text there was typed after the command
        elif left is None:
            left = self._prompt.typed
            self._prompt.area.begin_with(Typed())
        return joined([aside, left])

    # Events of the session

    def receive(self, event: SessionEvent) -> None:
        self.outbox.receive(event)
        if isinstance(event, BranchChanged) and event.turn_id is None:  # a turn was deleted
            self._screen.run_worker(self._forget_deleted(), name="sent")

    async def _forget_deleted(self) -> None:
        """Remove from the recall the messages that are not kept any more."""
        kept = await self.outbox.sent()
        self._prompt.recall.forget({typed.text for typed in (*kept, *self.outbox.queued)})
