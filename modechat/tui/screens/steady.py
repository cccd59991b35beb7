"""What every screen of ours keeps to: a key always goes somewhere, a screen closes once, and nothing is painted that
the terminal would not have read before the next picture.

Textual 8.2.8 takes the focus from what is hidden, as everything is in a window that is too small, and gives it back to
nobody. And `dismiss` closes whatever screen is on top: called twice, or while another one covers this, a wrong one. A
screen that takes a new size posts that size to itself: of two that come at once, each would bring the other one back,
for ever. So a screen takes no size but the window's.

A widget that asks to be laid out has what was arranged around it forgotten, and posts that to its screen. If the
screen is laid out before it gets there, for another widget, the old place is arranged anew and kept for good: replies
stayed as high as they had been. So what was arranged is forgotten once more when the screen gets to know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from textual import events, messages
from textual.await_complete import AwaitComplete
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen
else:

    class _Base:
        """Textual's stylesheets follow the first base only: it must not be a widget."""

        def __class_getitem__(cls, _item: object) -> type:
            return cls


T = TypeVar("T")


@runtime_checkable
class Painter(Protocol):
    """An app that knows how far the terminal has read."""

    def must_wait_for_terminal(self) -> bool:
        """Whether nothing may be painted now. Then the screen on top is told to paint again later."""
        ...


class SteadyScreen(_Base[T]):
    """Mixin of a screen. Its class must come first."""

    _is_leaving = False

    def is_awaiting(self) -> bool:
        """Whether the last key asked for something here that is not done yet. The next one waits for it."""
        return False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close this screen, and what was opened over it. Once: from the second time on, nothing happens."""
        if self._is_leaving or self not in self.app.screen_stack:
            return AwaitComplete()
        self._is_leaving = True
        while (above := self.app.screen) is not self:
            above.dismiss(None)
        return super().dismiss(result)

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste):
            self._find_focus()
            if self.focused is not None:
                self.focused._forward_event(event)
                return
        super()._forward_event(event)

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self.app.size:
            event.stop()
            event.prevent_default()
        else:
            self.call_after_refresh(self._find_focus)

    async def _on_layout(self, message: messages.Layout) -> None:
        for ancestor in message.widget.ancestors:
            if not isinstance(ancestor, Widget):
                break
            ancestor._clear_arrangement_cache()
            ancestor._layout_updates += 1
            if not ancestor.styles.auto_dimensions:
                break

    def _compositor_refresh(self) -> None:
        if (
            self is self.app.screen
            and isinstance(self.app, Painter)
            and self.app.must_wait_for_terminal()
        ):
            self._dirty_widgets.clear()  # the compositor knows of them
        else:
            super()._compositor_refresh()

    def paint_again(self) -> None:
        """The terminal has read what was painted before: now show what has changed since."""
        self._compositor_refresh()

    def _find_focus(self) -> None:
        """If nothing has the focus, give it to what has it at first."""
        if self.focused is None:
            self._update_auto_focus()
