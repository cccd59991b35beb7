"""The base of all dialogs: a titled frame with key hints on its lower border.

Esc closes a dialog, and so do the keys that open it. The keys of the help make the app show the
dialog's own keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.key_names import key
from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.bindings import bind_in_dialog, keymap_of
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.widgets.flash import FLASH_SECONDS
from modechat.tui.widgets.hint_text import fitting_hints

T = TypeVar("T")

HELP = f"{key('help', 'F1')} help"
"""The hint for the help. It is not shown if the help has no key."""
_BORDER = 8  # cells of the width that frame and corners take


@runtime_checkable
class WantsHeight(Protocol):
    """A widget that takes the remaining height, and knows how much of it it would fill."""

    @property
    def wanted_height(self) -> int:
        """The height in rows."""
        ...


class DialogFrame(Vertical):
    """A frame as high as its content.

    A list that takes the remaining height counts with all its rows.
    """

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        height, margin = 0, 0
        room = Size(width, container.height)
        for child in self.displayed_children:
            box = child._get_box_model(room, viewport, Fraction(width), Fraction(0))
            wanted = int(box.height)
            if _takes_rest(child) and isinstance(child, WantsHeight):
                wanted = child.wanted_height
            height += wanted + max(margin, box.margin.top)
            margin = box.margin.bottom
        return height + margin

    @property
    def _has_relative_children_height(self) -> bool:
        return False  # True would give the frame its greatest height


def _takes_rest(widget: Widget) -> bool:
    return widget.styles.height is not None and widget.styles.height.is_fraction


class Dialog(ScreenFixes[T | None], ModalScreen[T | None]):
    """A dialog returns a value of type `T`, or None. Subclasses put their widgets into `frame`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
    ]

    HEADING: ClassVar[str] = ""
    BORDER_SPACE: ClassVar[str] = ""
    """Space around the texts on the border. A frame with lines at its sides needs none."""
    OPENED_BY: ClassVar[str] = ""
    """The action of the table whose keys open this dialog, and close it."""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """The keys of this dialog and what they do, for the help screen."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = DialogFrame(classes="dialog")
        self.said = Static(classes="said")
        """The line for results and errors. Subclasses that use it yield it."""
        self._hints: Sequence[str] = ()
        self._flashed: Sequence[str] = ()
        """A text in place of the hints, if there is one."""
        self._flash_timer: Timer | None = None
        self.show_heading(self.HEADING)

    def on_mount(self) -> None:
        keymap = keymap_of(self)
        bind_in_dialog(self, keymap, self.OPENED_BY, "close")
        bind_in_dialog(self, keymap, "help", "app.explain")

    def show_heading(self, text: str) -> None:
        self.frame.border_title = self._on_border(sanitize_line(text))

    def show_hints(self, *hints: str) -> None:
        """Show what the keys do now, the most important first, as far as there is room.

        Keys of the table of actions are marked (`key`).
        """
        self._hints, self._flashed = hints, ()
        self._fit_hints()

    def flash_up(self, text: str) -> None:
        """Show `text` in place of the hints for a moment, or until they change."""
        self._flashed = (text,)
        self._fit_hints()
        if self._flash_timer is not None:
            self._flash_timer.stop()
        self._flash_timer = self.set_timer(FLASH_SECONDS, self._end_flash)

    def _end_flash(self) -> None:
        self.show_hints(*self._hints)

    def _fit_hints(self) -> None:
        width = self.frame.size.width or self.app.size.width
        keymap = keymap_of(self)
        hints: list[str] = []
        for hint in self._flashed or self._hints:
            if hint != HELP or keymap.keys("help"):
                hints.append(keymap.name_keys(hint))
        self.frame.border_subtitle = self._on_border(fitting_hints(hints, width - _BORDER))

    def _on_border(self, text: str) -> Content:
        return Content(f"{self.BORDER_SPACE}{text}{self.BORDER_SPACE}")

    def say(self, text: str, *, is_trouble: bool = False) -> None:
        """Show `text` in the line for results and errors."""
        self.said.update(Content(sanitize(keymap_of(self).name_keys(text))))
        self.said.set_class(is_trouble, "-trouble")

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        self.call_after_refresh(self._fit_hints)

    def action_close(self) -> None:
        self.dismiss(None)
