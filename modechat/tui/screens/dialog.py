"""The frame that all dialogs have: a title, what the keys do at the lower border, Esc closes, F1 explains."""

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

from modechat.domain.text import sanitize_line
from modechat.tui.bindings import keymap_of
from modechat.tui.screens.steady import SteadyScreen
from modechat.tui.widgets.hint_text import fitting_hints

T = TypeVar("T")

_BORDER = 8  # cells that frame and corners take of the width


class DialogFrame(Vertical):
    """As high as what is in it: a list that takes the height that is left wants as many rows as it has."""

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        height, margin = 0, 0
        for child in self.displayed_children:
            box = child._get_box_model(
                Size(width, container.height), viewport, Fraction(width), Fraction(0)
            )
            takes_rest = child.styles.height is not None and child.styles.height.is_fraction
            wanted = (
                child.wanted_height
                if takes_rest and isinstance(child, WantsHeight)
                else int(box.height)
            )
            height += wanted + max(margin, box.margin.top)
            margin = box.margin.bottom
        return height + margin

    @property
    def _has_relative_children_height(self) -> bool:
        return False  # else Textual would make it as high as it may be


@runtime_checkable
class WantsHeight(Protocol):
    """What takes the height that is left, and says how much it would fill."""

    @property
    def wanted_height(self) -> int: ...


class Dialog(SteadyScreen[T | None], ModalScreen[T | None]):
    """Returns what was chosen, or None. What stands in it goes into `frame`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("f1,ctrl+backslash", "explain", "Help", show=False, priority=True),
    ]

    HEADING: ClassVar[str] = ""
    AROUND: ClassVar[str] = ""
    """What parts texts on the border from its line. Textual does that where there are lines at the sides as well."""
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """What the keys do here, for the help screen."""

    def __init__(self) -> None:
        super().__init__()
        self.frame = DialogFrame(classes="dialog")
        self._hints: Sequence[str] = ()
        self.show_heading(self.HEADING)

    def show_heading(self, text: str) -> None:
        self.frame.border_title = Content(f"{self.AROUND}{sanitize_line(text)}{self.AROUND}")

    def show_hints(self, *hints: str) -> None:
        """What the keys do now, the most important first: as many as have room stand at the lower border."""
        self._hints = hints
        width = self.frame.size.width or self.app.size.width
        self.frame.border_subtitle = Content(
            f"{self.AROUND}{fitting_hints(hints, width - _BORDER)}{self.AROUND}"
        )

    def on_resize(self, event: events.Resize) -> None:  # noqa: ARG002
        self.call_after_refresh(lambda: self.show_hints(*self._hints))

    def action_close(self) -> None:
        self.dismiss(None)

    def action_explain(self) -> None:
        from modechat.tui.screens.help import HelpScreen

        keys = (*self.KEYS, ("Esc", "Close this screen"))
        self.app.push_screen(HelpScreen(keymap_of(self), self.HEADING or "This screen", keys))
