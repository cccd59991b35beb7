"""The plain front end: what comes in is done in order, what the session tells goes out, and the ways out.

On a terminal the user is asked for each message. In a pipe every line is one, and the program ends after the reply to
the last. It moves no cursor, repaints nothing and writes no escape sequence.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, TextIO

from modechat.commands.dispatch import Dispatcher
from modechat.commands.slash import read_slash, unknown_command
from modechat.errors import EXIT_INTERRUPTED, ModechatError, StoreError, UsageError
from modechat.plain.commands import PlainCommands
from modechat.plain.failures import FailureWatch
from modechat.plain.intake import Intake
from modechat.plain.output import Output
from modechat.plain.prompt import PlainPrompt
from modechat.plain.view import PlainView
from modechat.plain.words import GREETING, as_commands, prompt_label
from modechat.plain.writer import Writer
from modechat.session.chat_session import ChatSession
from modechat.session.events import PhaseChanged, SessionEvent, Trouble
from modechat.session.phase import Phase

if TYPE_CHECKING:
    from modechat.domain.typed import Typed
    from modechat.engine.protocol import Engine
    from modechat.session.settings import SessionSettings
    from modechat.store import Store

_WORKING = (Phase.GENERATING, Phase.STOPPING)
_SECONDS_TO_LOAD = 2.0
_SECONDS_TO_WRITE = 1.0
"""For what is left to write when the system wants the program to end: who should read it may not do so."""


class PlainChat:
    """`engine` has been started, `store` is open. Create it inside a running event loop."""

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
        self._is_watched = stdin.isatty()
        """Whether somebody types, and can answer to what goes wrong."""
        self._settings = settings
        self._failures = FailureWatch(engine)
        self._writer = Writer(stdout, self._cannot_write)
        self._output = Output(
            self._writer, stdout, stderr, prompts=self._is_watched and stdout.isatty()
        )
        self._view = PlainView(self._output, clock)
        self._session = ChatSession(self._failures, store, settings, self._receive)
        self._intake = Intake(
            stdin,
            self._output,
            at_once=self._does_at_once,
            refuse=self._refuse_input,
            leave=self._leave,
            changed=self._text_changed,
        )
        self._prompt = PlainPrompt(
            self._view, self._failures, self._intake, somebody_types=self._is_watched
        )
        self._outbox = self._prompt.outbox
        commands = PlainCommands(self._session, self._output, self._view, self._prompt, self._leave)
        self._dispatcher = Dispatcher(commands, say=self._view.say, in_words=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self._showing: asyncio.Task[None] | None = None
        """Shows the events."""
        self._changed = asyncio.Event()
        self._leaving = asyncio.Event()
        self._hurry = asyncio.Event()
        """Set when the program is asked to end while it does so."""
        self._was_asked = False
        """Whether anything was there to do."""
        self._may_leave = False
        """Whether the next Ctrl+C leaves."""
        self._signal: signal.Signals | None = None
        self._error: Exception | None = None

    async def run(self, *, resume: bool, troubles: tuple[ModechatError, ...] = ()) -> int:
        """Chat until the user leaves, or nothing more comes in; the exit code.

        Raises ModechatError, and BrokenPipeError when nobody reads any more. Ends by the signal that asked for it.
        """
        if not self._is_watched:
            await asyncio.to_thread(
                self._settings.files.check_model
            )  # there is nobody to choose another one
        with self._on_signals():
            try:
                await self._chat(resume=resume, troubles=troubles)
            finally:
                await self._close()
        if self._signal is not None and self._signal is not signal.SIGINT:
            signal.signal(self._signal, signal.SIG_DFL)
            signal.raise_signal(self._signal)
        if self._error is not None:
            raise self._error
        return self._exit_code()

    async def _chat(self, *, resume: bool, troubles: tuple[ModechatError, ...]) -> None:
        self._showing = view = self._begin(self._view.run())
        if not self._output.echoes:
            self._output.line(GREETING)
        self._view.receive(PhaseChanged(Phase.LOADING))
        if resume:
            await self._session.library.open_latest()
        else:
            await self._session.library.begin_new()
        await self._outbox.connect(self._session, self._dispatcher)
        for trouble in troubles:
            self._view.receive(Trouble(trouble.title, trouble.hint))
        work = {view, self._begin(self._session.run()), self._begin(self._do_all())}
        self._intake.start()
        leaving = asyncio.create_task(self._leaving.wait())
        done, _ = await asyncio.wait({leaving, *work}, return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        for task in done & work:
            task.result()  # raises what went wrong

    async def _close(self) -> None:
        """Save everything, and say what is left to say."""
        try:
            await self._outbox.save_draft()
            await self._session.close()
            await self._all_is_shown()
        finally:
            tasks = tuple(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._output.end_piece()
            await self._finish_writing()

    async def _finish_writing(self) -> None:
        """Wait for who reads, but not for ever if the program should end."""
        waits = [
            asyncio.create_task(self._writer.drained()),
            asyncio.create_task(self._hurry.wait()),
        ]
        limit = _SECONDS_TO_WRITE if self._signal is not None else None
        _, waiting = await asyncio.wait(waits, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()

    def _exit_code(self) -> int:
        if self._is_watched:
            return 0
        if self._signal is signal.SIGINT:
            return EXIT_INTERRUPTED
        if not self._was_asked:
            raise UsageError(
                "There was nothing to send",
                "Pipe in messages, one a line. For one task: modechat run",
            )
        return self._failures.exit_code

    # What is done

    async def _do_all(self) -> None:
        """Do what is typed, one after the other: the next when the reply to the last is complete."""
        if (
            self._is_watched
        ):  # the model is often there at once: then the prompt follows what is said of it
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(
                    self._until(lambda: self._session.phase is not Phase.LOADING), _SECONDS_TO_LOAD
                )
        await self._all_is_shown()
        while (text := await self._intake.next(prompt_label(self._session.state))) is not None:
            self._was_asked = True
            self._may_leave = False
            await self._do(text)
            await self._until(
                lambda: not (self._session.is_busy or self._session.phase in _WORKING)
            )
            self._may_leave = False
            await self._all_is_shown()
        self._leave()

    async def _do(self, typed: Typed) -> None:
        if reason := self._doubt(typed.text):
            self._refuse(UsageError(reason))
            return
        if not self._is_watched:  # who types sees that the model is not there yet
            await self._until(lambda: self._session.phase is not Phase.LOADING)
        try:
            refusal = await self._outbox.send(typed)
        except StoreError as error:
            await self._prompt.show_error(error)
        else:
            if refusal is not None:
                self._refuse(UsageError(refusal.reason))

    def _doubt(self, text: str) -> str:
        """Why a text that looks like a command is not sent; empty if it is, as where somebody types it twice."""
        doubt = self._outbox.doubt(text) if self._is_watched else unknown_command(text)
        if not doubt:
            return ""
        escaped = f"\\{text.strip().split()[0]} …"
        if self._is_watched:
            return f"{doubt} The same once more sends it, and so does {escaped}"
        return f"{doubt} {escaped} sends it as text."

    async def _all_is_shown(self) -> None:
        """Wait until all events are shown, or what shows them has failed."""
        assert self._showing is not None
        shown = asyncio.create_task(self._view.all_is_shown())
        await asyncio.wait({shown, self._showing}, return_when=asyncio.FIRST_COMPLETED)
        shown.cancel()

    def _text_changed(self) -> None:
        self._outbox.draft_changed()

    def _does_at_once(self, text: Typed) -> bool:
        """Do what must not wait for the reply that is written: stopping it, and leaving."""
        command = read_slash(text)
        if command is None or command.words:
            return False
        if command.action.id == "stop":
            self._was_asked = True
            self._begin(self._session.stop())
            return True
        if command.action.id == "quit" and self._is_watched:
            self._leave()
            return True
        return False

    def _refuse(self, error: UsageError) -> None:
        """Say why nothing was done."""
        self._failures.note(error)
        if self._is_watched:
            self._view.say(error.title)
        else:
            self._output.notice(as_commands(error.title))

    def _refuse_input(self, trouble: Trouble) -> None:
        self._was_asked = True
        self._failures.note(UsageError(trouble.title))
        self._view.show_trouble(trouble)

    # Events

    def _receive(self, event: SessionEvent) -> None:
        self._view.receive(event)
        self._outbox.receive(event)
        self._changed.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait for what an event of the session brings about."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    def _begin(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # The ways out

    def _leave(self) -> None:
        self._leaving.set()

    def _cannot_write(self, error: OSError) -> None:
        """Nobody reads any more, or the disk is full."""
        if error.errno in (errno.EPIPE, errno.EIO):
            self._error = BrokenPipeError()
        else:
            self._error = ModechatError(
                f"The reply cannot be written: {error.strerror}", "Is the disk full?"
            )
        self._leave()

    @contextlib.contextmanager
    def _on_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        actions = {name: partial(self._end_by, name) for name in ("SIGTERM", "SIGHUP")} | {
            "SIGINT": self._interrupt
        }
        added = []
        for name, action in actions.items():
            with contextlib.suppress(AttributeError, NotImplementedError):  # not on every system
                number = getattr(signal, name)
                loop.add_signal_handler(number, action)
                added.append(number)
        try:
            yield
        finally:
            for number in added:
                loop.remove_signal_handler(number)

    def _end_by(self, name: str) -> None:
        if self._leaving.is_set():
            self._hurry.set()
        self._signal = signal.Signals[name]
        self._leave()

    def _interrupt(self) -> None:
        """Ctrl+C stops the reply, or drops what was typed; the second one leaves."""
        if not self._is_watched:
            self._end_by("SIGINT")
            return
        self._output.keys_were_shown()
        if self._leaving.is_set():
            self._hurry.set()
        elif self._may_leave:
            self._leave()
        elif self._session.is_busy:
            self._may_leave = True
            self._begin(self._session.stop())
        else:
            self._may_leave = True
            self._view.say(
                "What was typed is dropped. Ctrl+C once more leaves, and so does Ctrl+D."
            )
            self._intake.clear()
