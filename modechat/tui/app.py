"""The Textual app: themes, the session's life, and the way out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.filter import LineFilter
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Input, TextArea

from modechat.errors import ModechatError
from modechat.tui.bindings import bind_on_every_screen
from modechat.tui.chat_screen import ChatScreen
from modechat.tui.keys_in_turn import KeysInTurn
from modechat.tui.look import NO_COLOR, Look, usual_theme
from modechat.tui.paste_reader import TypedBefore
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.stoppable_animator import StoppableAnimator
from modechat.tui.terminal_input import (
    MOST_CELLS,
    BackgroundReported,
    TerminalGone,
    guard_terminal_input,
)
from modechat.tui.terminal_output import TerminalOutput, guard_terminal_output
from modechat.tui.themes import OWN_THEMES, with_readable_selections

if TYPE_CHECKING:
    from rich.console import RenderableType

    from modechat.commands.actions import Action
    from modechat.engine.protocol import Engine
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.session.settings import SessionSettings
    from modechat.store import Store


_USUAL_LOOK = Look()


_SECONDS_TO_PAINT = 0.02


@dataclass(frozen=True, slots=True)
class Backstage:
    """What works behind the screen. `engine` has been started; `store` is open."""

    engine: Engine
    store: Store
    settings: SessionSettings
    resume: bool = True
    troubles: tuple[ModechatError, ...] = ()
    """What is wrong, but no reason to give up."""


@runtime_checkable
class FlashesUp(Protocol):
    """A screen that can say something for a moment."""

    def flash_up(self, text: str) -> None: ...


def _import_behind() -> None:
    """Import what the screen needs right after the first frame, in a thread, so that keys are not held up."""
    import modechat.commands.dispatch
    import modechat.tui.chat_context
    import modechat.tui.session_view
    import modechat.tui.widgets.prompt.completion
    import modechat.tui.widgets.prompt.marks
    import modechat.tui.widgets.transcript  # noqa: F401


def _import_parser() -> None:
    """Import what shows replies. It takes as long as some tokens: better done while the model is being loaded."""
    from modechat.tui.widgets.reply import preload

    preload()


def _remove_left_files() -> None:
    from modechat.tui.editor import remove_left_files

    remove_left_files()


class ModechatApp(App[ModechatError]):
    """Returns an error if it cannot go on, else None.

    The first frame is painted before conversations are opened and the model is loaded.
    """

    TITLE = "modechat"
    CSS_PATH = "modechat.tcss"

    ENABLE_COMMAND_PALETTE = False  # there is one of our own
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (24, "-narrow"), (80, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (8, "-low"), (20, "-tall")]

    _colours: LineFilter | None = None
    """Puts the colours of a terminal that has 256 in place of those of the theme."""

    def __init__(
        self,
        prepare: Callable[[], Backstage],
        look: Look = _USUAL_LOOK,
        *,
        remember_theme: Callable[[str], None] | None = None,
        typed_before: str = "",
        terminal_before: list[Any] | None = None,
    ) -> None:
        """`prepare` is called in a thread when the first frame has been painted; it may raise ModechatError.

        `remember_theme` is called with a theme that the user has chosen. `typed_before` was read from the terminal,
        and `terminal_before` are its attributes, if they were changed for that.
        """
        super().__init__()
        self._animator = StoppableAnimator(self)
        self._animate = self._animator.bind(self)
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self._remember_theme = remember_theme
        self._terminal_before = terminal_before
        self._is_hanging_up = False
        guard_terminal_input(TypedBefore(typed_before), awaits_background=look.follows_background)
        guard_terminal_output()
        self._resize_meanwhile: events.Resize | None = None
        """The last size that came while the terminal did not keep up."""
        self._prepare = prepare
        self.keymap = look.keymap
        bind_on_every_screen(self, look.keymap)
        self._chat = ChatScreen(look.keymap)
        self._keys = KeysInTurn(self, super().on_event)
        self._keys.is_opening = lambda: (
            isinstance(self.screen, ScreenFixes) and self.screen.is_awaiting()
        )
        self._session: ChatSession | None = None
        if look.has_palette:
            from modechat.tui.palette_colours import WithPalette

            self._colours = WithPalette()
        self.theme = NO_COLOR if self.no_color else look.theme
        self.stylesheet.set_variables(self.get_css_variables())
        self._theme_is_first = True
        self._follows_background = look.follows_background and not self.no_color
        self.set_class(self.no_color, "-no-color")
        self.set_class(look.is_compact, "-compact")
        if not look.has_motion:
            self.animation_level = "none"

    def action_palette(self) -> None:
        from modechat.tui.screens.palette import PaletteScreen

        if isinstance(self.screen, PaletteScreen):
            self.screen.dismiss(None)
            return
        tasks = self._session.settings.tasks if self._session is not None else ()
        self.push_screen(PaletteScreen(self.keymap, self._chat.label_of, tasks), self._do_chosen)

    def action_explain(self) -> None:
        """Show the keys of the dialog on top, and all others."""
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
            await self._chat.begin_task(chosen)

    def refresh_css(self, animate: bool = True) -> None:
        # The theme of the first frame is set before any style is read. To read them again would hold up that frame.
        if self._theme_is_first:
            self._theme_is_first = False
        else:
            super().refresh_css(animate=animate)

    def get_line_filters(self) -> Sequence[LineFilter]:
        if self.no_color:
            from modechat.tui.no_color import WithoutColor

            return (WithoutColor(),)
        filters = super().get_line_filters()
        return (*filters, self._colours) if self._colours is not None else filters

    def get_css_variables(self) -> dict[str, str]:
        self.theme_variables = with_readable_selections(super().get_css_variables())
        return self.theme_variables

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, Input | TextArea):
            event.widget.cursor_blink = False  # nothing moves while nothing happens

    def on_terminal_gone(self, _message: TerminalGone) -> None:
        if not self._is_hanging_up and not os.isatty(0):
            self._is_hanging_up = True
            self._leave(self._hang_up)

    def on_background_reported(self, message: BackgroundReported) -> None:
        """The terminal answered late: the first frame was painted for what it is usually."""
        if self._follows_background:
            self._follows_background = False
            self.theme = usual_theme(os.environ, message.is_light)

    def keep_theme(self, name: str) -> None:
        """Use a theme that the user has chosen, and remember it."""
        self._follows_background = False
        self.theme = name
        if self._remember_theme is not None:
            self.run_worker(asyncio.to_thread(self._remember_theme, name), name="theme")

    @property
    def session(self) -> ChatSession | None:
        """The session, once the store is open."""
        return self._session

    def get_default_screen(self) -> Screen[None]:
        return self._chat

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Resize) and max(event.size) > MOST_CELLS:
            size = Size(*(min(cells, MOST_CELLS) for cells in event.size))
            event = events.Resize(size, size)  # more is a mistake, and would take all memory
        if isinstance(event, events.Resize) and self.must_wait_for_terminal():
            self._resize_meanwhile = event
            return
        if (
            isinstance(event, events.Key | events.Paste)
            and not event.is_forwarded
            and self._keys.queue(event)
        ):
            return
        await super().on_event(event)

    def action_suspend_process(self) -> None:
        """Stop, as shells let programs: the terminal is as it was until the shell has the program go on."""
        if self._driver is not None and self._driver.can_suspend:
            super().action_suspend_process()
        elif isinstance(screen := self.screen, FlashesUp):
            screen.flash_up("A program cannot be suspended in this terminal.")

    def _show_again(self, _app: App[object]) -> None:
        self.refresh(repaint=True, layout=True)

    def must_wait_for_terminal(self) -> bool:
        """Whether the terminal has yet to read what was painted before. `_paint_again` is called when it has."""
        output = self._output
        return output is not None and output.is_behind(self._paint_again_soon)

    def _paint_again_soon(self) -> None:
        self.call_later(self._paint_again)

    async def _paint_again(self) -> None:
        resize, self._resize_meanwhile = self._resize_meanwhile, None
        if resize is not None:
            await self.on_event(resize)
        if isinstance(self.screen, ScreenFixes):
            self.screen.paint_again()

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        with self._output.picture() if self._output is not None else contextlib.nullcontext():
            super()._display(screen, renderable)

    @property
    def _output(self) -> TerminalOutput | None:
        output = getattr(self._driver, "_writer_thread", None)
        return output if isinstance(output, TerminalOutput) else None

    def on_ready(self) -> None:
        self._keys.open()
        self.app_resume_signal.subscribe(self, self._show_again)
        if self._terminal_before is not None and self._driver is not None:
            # Textual gives back what it found: to an editor, and at the end.
            self._driver.attrs_before = self._terminal_before  # type: ignore[attr-defined]
        # Not before the frame is out: imports in a thread would hold up its painting.
        self.set_timer(_SECONDS_TO_PAINT, lambda: self.run_worker(self._begin(), name="begin"))
        self._leave_on_signals()

    def _leave_on_signals(self) -> None:
        """Leave properly when the system or the terminal asks for it: saved, and with the terminal restored."""
        loop = asyncio.get_running_loop()
        for name, leave in (("SIGTERM", self.action_quit), ("SIGHUP", self._hang_up)):
            with contextlib.suppress(
                AttributeError, NotImplementedError, RuntimeError
            ):  # not on every system
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
            backstage = await asyncio.to_thread(self._prepare)
            from modechat.session.chat_session import ChatSession
            from modechat.session.events import Remark, Trouble

            session = ChatSession(
                backstage.engine, backstage.store, backstage.settings, self._chat.receive
            )
            if backstage.resume:
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
        for trouble in backstage.troubles:
            self._chat.receive(Trouble(trouble.title, trouble.hint))
        self.run_worker(session.run(), name="session")  # what it tells comes below the conversation
        if not session.has_model:
            await self._chat.action_act("choose_model")
        await asyncio.to_thread(_import_parser)
        await asyncio.to_thread(_remove_left_files)

    async def action_quit(self) -> None:
        """Leave. What was asked for is done first, and what is being written is stopped and saved."""
        try:
            await self._chat.finish()
            await self._close_session()
        except ModechatError as error:
            self.exit(error, return_code=error.exit_code)
        else:
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
            await self._chat.composer.outbox.save_draft()
            await session.close()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy `text` for other programs; the screen says what came of it. Textual's own copying comes here as well."""
        self._clipboard = text  # what Ctrl+V pastes
        self.run_worker(self._copy(text), name="copy")

    async def _copy(self, text: str) -> None:
        from modechat.tui.clipboard import Clipboard

        result = await Clipboard(self._write_to_terminal, os.environ).copy(text)
        if isinstance(screen := self.screen, FlashesUp):
            screen.flash_up(str(result))

    def _write_to_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)
