"""The app on its terminal: colours, painting at the terminal's pace, clipboard, suspending."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from textual import events
from textual.app import App
from textual.filter import LineFilter
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Input, TextArea

from modechat.errors import ModechatError
from modechat.tui.look import NO_COLOR, Look, usual_theme
from modechat.tui.paste_reader import TypedBefore
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.stoppable_animator import StoppableAnimator
from modechat.tui.terminal_input import (
    MOST_CELLS,
    BackgroundReported,
    guard_terminal_input,
)
from modechat.tui.terminal_output import TerminalOutput, guard_terminal_output
from modechat.tui.themes import OWN_THEMES, with_readable_selections

if TYPE_CHECKING:
    from rich.console import RenderableType


@runtime_checkable
class FlashesUp(Protocol):
    """A screen that can show a text for a moment."""

    def flash_up(self, text: str) -> None: ...


class TerminalApp(App[ModechatError]):
    ENABLE_COMMAND_PALETTE = False  # modechat has its own palette

    _colours: LineFilter | None = None
    """The filter that puts 256 colours in place of those of the theme, if the terminal needs it."""

    def __init__(
        self,
        look: Look,
        remember_theme: Callable[[str], None] | None,
        typed_before: str,
        terminal_before: list[Any] | None,
    ) -> None:
        """Take the same arguments as `ModechatApp`."""
        super().__init__()
        self._animator = StoppableAnimator(self)
        self._animate = self._animator.bind(self)
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self._remember_theme = remember_theme
        self._terminal_before = terminal_before
        guard_terminal_input(TypedBefore(typed_before), awaits_background=look.follows_background)
        guard_terminal_output()
        self._resize_meanwhile: events.Resize | None = None
        """The newest resize that came while the terminal did not keep up."""
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

    def on_ready(self) -> None:
        self.app_resume_signal.subscribe(self, self._show_again)
        if self._terminal_before is not None and self._driver is not None:
            # Textual restores these attributes for an editor, and at the end.
            self._driver.attrs_before = self._terminal_before  # type: ignore[attr-defined]

    # Colours

    def refresh_css(self, animate: bool = True) -> None:
        # The theme of the first frame is set before any style is read. Reading the styles again
        # would hold up that frame.
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
            event.widget.cursor_blink = False  # nothing moves while the program waits

    def on_background_reported(self, message: BackgroundReported) -> None:
        """Change the theme if the terminal answered after the first frame was painted."""
        if self._follows_background:
            self._follows_background = False
            self.theme = usual_theme(os.environ, message.is_light)

    def keep_theme(self, name: str) -> None:
        """Use a theme that the user has chosen, and remember it."""
        self._follows_background = False
        self.theme = name
        if self._remember_theme is not None:
            self.run_worker(asyncio.to_thread(self._remember_theme, name), name="theme")

    # Painting

    def admits(self, event: events.Resize) -> events.Resize | None:
        """Return the size to use now.

        None: the terminal has yet to read what was painted, and the size is used after that.
        """
        if max(event.size) > MOST_CELLS:  # a larger size is a mistake, and would take all memory
            width, height = event.size
            size = Size(min(width, MOST_CELLS), min(height, MOST_CELLS))
            event = events.Resize(size, size)
        if self.must_wait_for_terminal():
            self._resize_meanwhile = event
            return None
        return event

    def action_suspend_process(self) -> None:
        """Suspend the program; the terminal is restored until the shell continues the program."""
        if self._driver is not None and self._driver.can_suspend:
            super().action_suspend_process()
        elif isinstance(screen := self.screen, FlashesUp):
            screen.flash_up("A program cannot be suspended in this terminal.")

    def _show_again(self, _app: App[object]) -> None:
        self.refresh(repaint=True, layout=True)

    def must_wait_for_terminal(self) -> bool:
        """Return True if the terminal has yet to read what was painted before.

        `_paint_again` is called when it has.
        """
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

    # The clipboard

    def copy_to_clipboard(self, text: str) -> None:
        """Copy `text` for other programs; the screen shows the result.

        Textual's own copying calls this as well.
        """
        self._clipboard = text  # Ctrl+V pastes this
        self.run_worker(self._copy(text), name="copy")

    async def _copy(self, text: str) -> None:
        from modechat.tui.clipboard import Clipboard

        result = await Clipboard(self._write_to_terminal, os.environ).copy(text)
        if isinstance(screen := self.screen, FlashesUp):
            screen.flash_up(str(result))

    def _write_to_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)
