"""A line of tabs with one tab in front."""

from __future__ import annotations

from collections.abc import Iterable

from textual import events
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Static


class TabLine(Horizontal):
    """Shows a text for each tab. A click on a tab posts `Clicked`."""

    class Clicked(Message):
        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, ids: Iterable[str | None]) -> None:
        """Make a tab for each of `ids`, the ids for stylesheets; None for a tab without an id."""
        self._tabs = [Static(classes="tab", id=tab_id) for tab_id in ids]
        super().__init__(*self._tabs, classes="tabs")

    def show(self, texts: Iterable[str], front: int) -> None:
        """Show one text for each tab. The texts must be safe to show."""
        for at, (tab, text) in enumerate(zip(self._tabs, texts, strict=True)):
            tab.update(Content.styled(text, "bold" if at == front else "dim"))

    def on_click(self, event: events.Click) -> None:
        if isinstance(event.widget, Static) and event.widget in self._tabs:
            event.stop()
            self.post_message(self.Clicked(self._tabs.index(event.widget)))
