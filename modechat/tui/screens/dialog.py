"""The base of all dialogs: a titled frame with key hints on its lower border.

Esc closes a dialog, and F1 makes the app show its keys.
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
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.text import sanitize, sanitize_line
from modechat.tui.bindings import keymap_of
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.widgets.hint_text import fitting_hints

T = TypeVar("T")

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
        Binding("f1,ctrl+backslash", "app.explain", "Help", show=False, priority=True),
    ]

    HEADING: ClassVar[str] = ""
    BORDER_SPACE: ClassVar[str] = ""
    """Space around the texts on the border. A frame with lines at its sides needs none."""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """The keys of this dialog and what they do, for the help screen."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = DialogFrame(classes="dialog")
        self.said = Static(classes="said")
        """The line for results and errors. Subclasses that use it yield it."""
        self._hints: Sequence[str] = ()
        self.show_heading(self.HEADING)

    def show_heading(self, text: str) -> None:
        self.frame.border_title = self._on_border(sanitize_line(text))

    def show_hints(self, *hints: str) -> None:
        """Show what the keys do now, the most important first, as far as there is room."""
        self._hints = hints
        self._fit_hints()

    def _fit_hints(self) -> None:
        width = self.frame.size.width or self.app.size.width
        self.frame.border_subtitle = self._on_border(fitting_hints(self._hints, width - _BORDER))

    def _on_border(self, text: str) -> Content:
        return Content(f"{self.BORDER_SPACE}{text}{self.BORDER_SPACE}")

    def say(self, text: str, *, is_trouble: bool = False) -> None:
        """Show `text` in the line for results and errors."""
        self.said.update(Content(sanitize(keymap_of(self).in_force(text))))
        self.said.set_class(is_trouble, "-trouble")

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        self.call_after_refresh(self._fit_hints)

    def action_close(self) -> None:
        self.dismiss(None)
