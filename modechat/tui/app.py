"""The Textual app: it opens and runs the session, and leaves when the user or the system asks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import events
from textual.screen import Screen

from modechat.errors import ModechatError
from modechat.tui.bindings import bind_on_every_screen
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.keys_in_turn import KeysInTurn
from modechat.tui.look import Look
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.terminal_app import TerminalApp
from modechat.tui.terminal_input import TerminalGone

if TYPE_CHECKING:
    from modechat.commands.actions import Action
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.session.chat_setup import ChatSetup


_USUAL_LOOK = Look()
_SECONDS_TO_PAINT = 0.02


def _import_behind() -> None:
    """Import what the screen needs right after the first frame.

    It is called in a thread, so that keys are handled meanwhile.
    """
    import modechat.commands.dispatch
    import modechat.tui.chat_context
    import modechat.tui.session_view
    import modechat.tui.widgets.prompt.completion
    import modechat.tui.widgets.prompt.marks
    import modechat.tui.widgets.transcript  # noqa: F401


def _import_parser() -> None:
    """Import the modules that render replies.

    This takes as long as generating some tokens, so it is done while the model loads.
    """
    from modechat.tui.widgets.reply import preload

    preload()


def _remove_left_files() -> None:
    from modechat.tui.editor import remove_left_files

    remove_left_files()


class ModechatApp(TerminalApp):
    """The app. `run` returns the error that ended it, or None.

    The first frame is painted before conversations are opened and the model is loaded.
    """

    TITLE = "modechat"
    CSS_PATH = "modechat.tcss"

    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (24, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (8, "-low"), (20, "-tall")]

    def __init__(
        self,
        prepare: Callable[[], ChatSetup],
        look: Look = _USUAL_LOOK,
        *,
        remember_theme: Callable[[str], None] | None = None,
        typed_before: str = "",
        terminal_before: list[Any] | None = None,
    ) -> None:
        """Call `prepare` in a thread after the first frame; it may raise ModechatError.

        `remember_theme` is called with a theme that the user has chosen. `typed_before` is text
        that was read from the terminal before. `terminal_before` holds the terminal's attributes
        from before that read, or None if the read did not change them.
        """
        super().__init__(look, remember_theme, typed_before, terminal_before)
        self._is_hanging_up = False
        self._prepare = prepare
        self.keymap = look.keymap
        bind_on_every_screen(self, look.keymap)
        self._chat = ChatScreen(look.keymap)
        self._keys = KeysInTurn(self, super().on_event)
        self._keys.is_opening = self._is_opening
        self._session: ChatSession | None = None

    def _is_opening(self) -> bool:
        """Return True while the last key asked for something that is not done yet."""
        return isinstance(self.screen, ScreenFixes) and self.screen.is_awaiting()

    def action_palette(self) -> None:
        from modechat.tui.screens.palette import PaletteScreen

        if isinstance(self.screen, PaletteScreen):
            self.screen.dismiss(None)
            return
        tasks = self._session.settings.tasks if self._session is not None else ()
        self.push_screen(
            PaletteScreen(self.keymap, self._chat.prompting.label_of, tasks), self._do_chosen
        )

    def action_explain(self) -> None:
        """Show the keys of the dialog on top, and all other keys."""
        from modechat.tui.screens.help import help_on

        self.push_screen(help_on(self.screen, self.keymap))

    def action_choose_theme(self) -> None:
        from modechat.tui.screens.themes import ThemesScreen

        self.push_screen(ThemesScreen(self.keep_theme))

    async def _do_chosen(self, chosen: Action | NamedTask | None) -> None:
        from modechat.commands.actions import Action

        if isinstance(chosen, Action):
            await self._chat.action_act(chosen.id)
        elif chosen is not None:
            await self._chat.prompting.begin_task(chosen)

    def on_terminal_gone(self, _message: TerminalGone) -> None:
        if not self._is_hanging_up and not os.isatty(0):
            self._is_hanging_up = True
            self._leave(self._hang_up)

    @property
    def session(self) -> ChatSession | None:
        """The session; None until the store is open."""
        return self._session

    def get_default_screen(self) -> Screen[None]:
        return self._chat

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize):
            admitted = self.admits(event)
            if admitted is None:
                return
            event = admitted
        is_typed = isinstance(event, events.Key | events.Paste) and not event.is_forwarded
        if is_typed and self._keys.queue(event):
            return
        await super().on_event(event)

    def on_ready(self) -> None:
        self._keys.open()
        # Imports in a thread would hold up the painting of the frame, so they begin after it.
        self.set_timer(_SECONDS_TO_PAINT, self._begin_soon)
        self._leave_on_signals()

    def _begin_soon(self) -> None:
        self.run_worker(self._begin(), name="begin")

    def _leave_on_signals(self) -> None:
        """Leave when the system or the terminal asks for it: save, and restore the terminal."""
        loop = asyncio.get_running_loop()
        for name, leave in (("SIGTERM", self.action_quit), ("SIGHUP", self._hang_up)):
            # Some systems lack these signals.
            with contextlib.suppress(AttributeError, NotImplementedError, RuntimeError):
                loop.add_signal_handler(getattr(signal, name), partial(self._leave, leave))

    def _leave(self, leave: Callable[[], Awaitable[None]]) -> None:
        self.run_worker(self._leave_editor_and(leave), name="leave")

    async def _leave_editor_and(self, leave: Callable[[], Awaitable[None]]) -> None:
        from modechat.tui.editor import end_editor

        await end_editor()
        await leave()

    async def _begin(self) -> None:
        try:
            await asyncio.to_thread(_import_behind)
            await self._chat.mount_rest()
            setup = await asyncio.to_thread(self._prepare)
            from modechat.session.chat_session import ChatSession
            from modechat.session.events import Remark, Trouble

            session = ChatSession(setup.engine, setup.store, setup.settings, self._chat.receive)
            if setup.resume:
                await session.library.open_latest()
            else:
                await session.library.begin_new()
        except ModechatError as error:
            self.exit(error, return_code=error.exit_code)
            return
        self._session = session
        self._chat.connect(session)
        for notice in self.keymap.notices:
            self._chat.receive(Remark(notice))
        for trouble in setup.troubles:
            self._chat.receive(Trouble(trouble.title, trouble.hint))
        # Its events are shown below the conversation.
        self.run_worker(session.run(), name="session")
        if not session.has_model:
            await self._chat.action_act("choose_model")
        await asyncio.to_thread(_import_parser)
        await asyncio.to_thread(_remove_left_files)

    async def action_quit(self) -> None:
        """Leave after doing what the user asked for before.

        A reply that is being written is stopped and saved.
        """
        try:
            await self._chat.finish()
            await self._close_session()
        except ModechatError as error:
            self.exit(error, return_code=error.exit_code)
        else:
            self.exit()

    async def _hang_up(self) -> None:
        """Leave because the window was closed: save, and end as an interrupted program does.

        Textual's own exit would never end: its writer thread dies of the first error, and its queue
        blocks when it is full. For the same reason nothing may be painted meanwhile.
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
            await self._chat.composer.outbox.save_draft()
            await session.close()
