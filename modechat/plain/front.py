"""The plain front end: it handles the input in order, and shows the session's events.

On a terminal the user is asked for each message. In a pipe every line is a message, and the program
ends after the reply to the last one. It moves no cursor, repaints nothing and writes no escape
sequence.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

from modechat.commands.background import BackgroundTasks
from modechat.commands.dispatch import Dispatcher
from modechat.commands.slash import read_slash
from modechat.daemon_thread import run_in_daemon_thread
from modechat.errors import EXIT_INTERRUPTED, ModechatError, StoreError, UsageError
from modechat.plain.commands import PlainCommands
from modechat.plain.failures import FailureWatch
from modechat.plain.intake import Intake
from modechat.plain.output import Output
from modechat.plain.prompt import PlainPrompt
from modechat.plain.session_waits import SessionWaits
from modechat.plain.shutdown import Shutdown
from modechat.plain.view import PlainView
from modechat.plain.words import GREETING, prompt_label
from modechat.plain.writer import Writer
from modechat.session.chat_session import ChatSession
from modechat.session.events import PhaseChanged, SessionEvent, Trouble
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.typed import Typed
    from modechat.engine.protocol import Engine
    from modechat.session.settings import SessionSettings
    from modechat.store import Store

_SECONDS_TO_LOAD = 2.0


class PlainChat:
    """A chat of lines. Create it inside a running event loop."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        settings: SessionSettings,
        *,
        stdin: TextIO,
        stdout: TextIO,
        stderr: TextIO | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`engine` has been started, and `store` is open."""
        self._is_interactive = stdin.isatty()
        """True if a user types, who can react to errors."""
        self._settings = settings
        self.shutdown = Shutdown()
        self._failures = FailureWatch(engine)
        self._writer = Writer(stdout, self.shutdown.cannot_write)
        self._output = Output(
            self._writer, stdout, stderr, prompts=self._is_interactive and stdout.isatty()
        )
        self._view = PlainView(self._output, clock)
        self._session = ChatSession(self._failures, store, settings, self._receive)
        self._waits = SessionWaits(self._session)
        self._intake = Intake(
            stdin,
            self._output,
            at_once=self._do_at_once,
            refuse=self._refuse_input,
            leave=self.shutdown.request,
            changed=self._text_changed,
        )
        self._prompt = PlainPrompt(
            self._view, self._failures, self._intake, is_interactive=self._is_interactive
        )
        self._outbox = self._prompt.outbox
        commands = PlainCommands(
            self._session, self._output, self._view, self._prompt, self.shutdown.request
        )
        self._dispatcher = Dispatcher(commands, say=self._view.say, in_words=True)
        self._tasks = BackgroundTasks()
        self._has_input = False
        """True after the first input."""
        self._interrupt_leaves = False
        """True if the next Ctrl+C leaves."""

    async def run(self, *, resume: bool, troubles: tuple[ModechatError, ...] = ()) -> int:
        """Chat until the user leaves or the input ends; return the exit code.

        Raises ModechatError, and BrokenPipeError when nobody reads any more. If a signal ends the
        chat, the same signal ends the process.
        """
        if not self._is_interactive:  # there is nobody to choose another model
            await run_in_daemon_thread(self._settings.files.check_model)
        with self.shutdown.on_signals(self._interrupt):
            try:
                await self._chat(resume=resume, troubles=troubles)
            finally:
                await self._close()
        self.shutdown.finish()
        return self._exit_code()

    async def _chat(self, *, resume: bool, troubles: tuple[ModechatError, ...]) -> None:
        showing = self._view.start(self._tasks)
        if not self._output.echoes:
            self._output.line(GREETING)
        self._view.receive(PhaseChanged(Phase.LOADING))
        if resume:
            await self._session.library.open_latest()
        else:
            await self._session.library.begin_new()
        await self._outbox.connect(self._session, self._dispatcher)
        for trouble in troubles:
            self._view.receive(Trouble.of(trouble))
        session, work = self._session.run(), self._do_all()
        tasks = {showing, self._tasks.begin(session), self._tasks.begin(work)}
        self._intake.start()
        leaving = self._tasks.begin(self.shutdown.wait_for_request())
        done, _ = await asyncio.wait({leaving, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done & tasks:
            task.result()  # raises the task's error

    async def _close(self) -> None:
        """Save everything, and write the remaining output."""
        try:
            await self._outbox.save_draft()
            await self._session.close()
            await self._view.all_is_shown()
        finally:
            await self._tasks.cancel()
            self._output.end_piece()
            await self.shutdown.wait_for(self._writer)

    def _exit_code(self) -> int:
        if self._is_interactive:
            return 0
        if self.shutdown.is_by_interrupt:
            return EXIT_INTERRUPTED
        if not self._has_input:
            raise UsageError(
                "There was nothing to send",
                "Pipe in messages, one a line. For one task: modechat run",
            )
        return self._failures.exit_code

    # What comes in

    async def _do_all(self) -> None:
        """Handle the input in order, each text when the reply to the previous one is complete."""
        if self._is_interactive:  # the model often loads soon, so its notes come before the prompt
            await self._waits.until_loaded(_SECONDS_TO_LOAD)
        await self._view.all_is_shown()
        while (text := await self._intake.next(prompt_label(self._session.state))) is not None:
            self._has_input = True
            self._interrupt_leaves = False
            await self._do(text)
            await self._waits.until_idle()
            self._interrupt_leaves = False
            await self._view.all_is_shown()
        self.shutdown.request()

    async def _do(self, typed: Typed) -> None:
        if reason := self._prompt.doubt(typed.text):
            self._refuse(UsageError(reason))
            return
        if not self._is_interactive:  # a user sees that the model is not loaded yet
            await self._waits.until_loaded()
        try:
            refusal = await self._prompt.send(typed)
        except StoreError as error:
            await self._prompt.show_error(error)
        else:
            if refusal is not None:
                self._refuse(UsageError(refusal.reason))

    def _do_at_once(self, text: Typed) -> bool:
        """Stop the reply, or leave, if `text` says so: that cannot wait for the reply's end."""
        command = read_slash(text)
        if command is None or command.words:
            return False
        if command.action.id == "stop":
            self._has_input = True
            self._tasks.begin(self._outbox.stop())
            return True
        if command.action.id == "quit" and self._is_interactive:
            self.shutdown.request()
            return True
        return False

    def _refuse(self, error: UsageError) -> None:
        """Say why nothing was done, except for requests that come while the program ends."""
        if self.shutdown.is_requested:
            return
        self._failures.note(error)
        if self._is_interactive:
            self._view.say(error.title)
        else:
            self._output.notice(error.title)

    def _refuse_input(self, trouble: Trouble) -> None:
        self._has_input = True
        self._failures.note(UsageError(trouble.title))
        self._view.show_trouble(trouble)

    def _text_changed(self) -> None:
        self._outbox.draft_changed()

    # Events

    def _receive(self, event: SessionEvent) -> None:
        self._view.receive(event)
        self._outbox.receive(event)
        self._waits.notify()

    def _interrupt(self) -> None:
        """Stop the reply, or drop the typed text; the second Ctrl+C leaves."""
        if not self._is_interactive:
            self.shutdown.request_by(signal.SIGINT)
            return
        self._output.keys_were_shown()
        if self.shutdown.is_requested:
            self.shutdown.hurry()
        elif self._interrupt_leaves:
            self.shutdown.request()
        elif self._outbox.can_stop:
            self._interrupt_leaves = True
            self._tasks.begin(self._outbox.stop())
        else:
            self._interrupt_leaves = True
            self._view.say(
                "What was typed is dropped. Ctrl+C once more leaves, and so does Ctrl+D."
            )
            self._intake.clear()
