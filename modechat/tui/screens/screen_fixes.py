"""Corrections of Textual's `Screen` that all screens here share.

Each corrects a behaviour of Textual 8.2.8:

- A widget that is hidden loses the focus, and nothing gets it back. In a window that is too small
  everything is hidden. `ScreenFixes` restores the focus, so that a key always reaches a widget.
- `dismiss` closes the screen on top, whichever that is. Called twice, or while another screen is
  above, it would close the wrong one. Here a screen closes itself, and only once.
- A screen that gets a new size posts that size to itself. Of two sizes that arrive together, each
  would bring the other one back for ever. Here a screen ignores every size but the window's.
- A widget that needs a new layout clears the cached arrangement of its ancestors, then posts to
  its screen. A layout for another widget in between would fill the cache with the old arrangement,
  which then stays: replies kept their old height. Here the cache is cleared again when the post
  arrives.
- A mouse press on a widget that is just being replaced crashes the app (textual issue 6643). Here
  it is a press on nothing.
- A screen paints as fast as it can. Here it waits until the terminal has read the last picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from textual import events, messages
from textual.await_complete import AwaitComplete
from textual.geometry import Offset
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.screen import Screen

    _Base = Screen
else:

    class _Base:
        """A stand-in for `Screen`: CSS follows only the first base, which must be no widget."""

        def __class_getitem__(cls, _item: object) -> type:
            return cls


T = TypeVar("T")


@runtime_checkable
class Painter(Protocol):
    """An app that knows how far the terminal has read."""

    def must_wait_for_terminal(self) -> bool:
        """Return True if nothing may be painted now. The app then calls `paint_again` later."""
        ...


class ScreenFixes(_Base[T]):
    """A mixin of a screen. Name it before the screen class."""

    _is_leaving = False

    def is_awaiting(self) -> bool:
        """Return True while the effect of the last key is still to come. The next key waits."""
        return False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Close this screen and all screens above it. A second call does nothing."""
        if self._is_leaving or self not in self.app.screen_stack:
            return AwaitComplete()
        self._is_leaving = True
        while (above := self.app.screen) is not self:
            above.dismiss(None)
        return super().dismiss(result)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and widget.parent is None else (widget, offset)

    def _forward_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste):
            self._restore_focus()
            if self.focused is not None:
                self.focused._forward_event(event)
                return
        super()._forward_event(event)

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self.app.size:
            event.stop()
            event.prevent_default()
        else:
            self.call_after_refresh(self._restore_focus)

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
            self._dirty_widgets.clear()  # the compositor keeps its own record of them
        else:
            super()._compositor_refresh()

    def paint_again(self) -> None:
        """Paint what has changed since the last picture, which the terminal has now read."""
        self._compositor_refresh()

    def _restore_focus(self) -> None:
        """Focus the widget that has the focus at first, if no widget has it now."""
        if self.focused is None:
            self._update_auto_focus()
