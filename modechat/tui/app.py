"""The Textual app: themes, the session's life, and the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from textual.app import App, SystemCommand
from textual.screen import Screen

from modechat.engine.protocol import Engine
from modechat.errors import ModechatError
from modechat.session import ChatSession, SessionSettings
from modechat.store import Store
from modechat.tui.actions import ACTIONS, PALETTE_KEY
from modechat.tui.screens.chat import ChatScreen


class ModechatApp(App[ModechatError]):
    """Returns an error if it cannot go on, else None.

    The first frame is painted before conversations are opened and the model is loaded.
    """

    TITLE = "modechat"
    CSS_PATH = "modechat.tcss"

    COMMAND_PALETTE_BINDING = PALETTE_KEY
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (24, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (8, "-low"), (20, "-tall")]

    def __init__(
        self,
        engine: Engine,
        open_store: Callable[[], Store],
        settings: SessionSettings,
        *,
        theme: str = "textual-dark",
        resume: bool = True,
    ) -> None:
        """`engine` has been started. `open_store` may block and raise StoreError."""
        super().__init__()
        self._engine = engine
        self._open_store = open_store
        self._settings = settings
        self._resume = resume
        self._chat = ChatScreen()
        self._session: ChatSession | None = None
        self.theme = theme

    @property
    def session(self) -> ChatSession | None:
        """The session, once the store is open."""
        return self._session

    def get_default_screen(self) -> Screen[None]:
        return self._chat

    def on_ready(self) -> None:
        self.run_worker(self._begin(), name="begin")
        self._leave_on_signals()

    def _leave_on_signals(self) -> None:
        """Leave properly when the system or the terminal asks for it: saved, and with the terminal restored."""
        loop = asyncio.get_running_loop()
        for name, leave in (("SIGTERM", self.action_quit), ("SIGHUP", self._hang_up)):
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError):  # not on every system
                loop.add_signal_handler(getattr(signal, name), partial(self._leave, leave))

    def _leave(self, leave: Callable[[], Awaitable[None]]) -> None:
        self.run_worker(leave(), name="leave")

    async def _begin(self) -> None:
        try:
            store = await asyncio.to_thread(self._open_store)
        except ModechatError as error:
            await self._engine.close()
            self.exit(error, return_code=error.exit_code)
            return
        session = ChatSession(self._engine, store, self._settings, self._chat.receive)
        await (session.open_latest() if self._resume else session.new_conversation())
        self._session = session
        self._chat.connect(session)
        self.run_worker(session.run(), name="session")  # what it tells comes below the conversation

    async def action_quit(self) -> None:
        """Leave. What is being written is stopped and saved first."""
        await self._close_session()
        self.exit()

    async def _hang_up(self) -> None:
        """Leave because the window was closed: save, and end as an interrupted program does.

        Textual's farewell to a terminal that is gone would never end: the thread that writes dies of the first error,
        and its queue blocks when it is full. For the same reason nothing may be painted meanwhile.
        """
        if os.isatty(0):
            await self.action_quit()
            return
        with self.batch_update():
            await self._close_session()
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            signal.raise_signal(signal.SIGHUP)

    async def _close_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:  # noqa: ARG002
        for action in ACTIONS:
            if action.in_palette:
                yield SystemCommand(action.label, action.help, getattr(self._chat, f"action_{action.id}"))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)
