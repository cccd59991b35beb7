"""Lines above the prompt: messages that are shown for a moment, and a note about new text below."""

from __future__ import annotations

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from modechat.domain.text import sanitize

FLASH_SECONDS = 4.0


class Flash(Static):
    """A line that disappears after some seconds, or at the next key."""

    def __init__(self) -> None:
        super().__init__(id="flash")
        self._timer: Timer | None = None
        self._stays = False

    def on_mount(self) -> None:
        self.display = False

    def say(self, text: str, *, stays: bool = False) -> None:
        """Show a text.

        `stays`: the next key does not hide it, because it does not answer the user's last action.
        """
        self._stays = stays
        self.update(Content(sanitize(text)))
        self.display = True
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(FLASH_SECONDS, self._hide)

    def key_pressed(self) -> None:
        """Hide the text, which is about an earlier key."""
        if not self._stays:
            self._hide()

    def _hide(self) -> None:
        self.display = False


class News(Static):
    """A line that says that the transcript has new text below the visible part."""

    def __init__(self) -> None:
        super().__init__(id="news")

    def on_mount(self) -> None:
        self.display = False

    def show(self, has_news: bool, key: str) -> None:
        """Show the line if `has_news`. `key` is the key that goes there; empty if there is none."""
        self.display = has_news
        self.update(Content(f"↓ new text below · {key}".removesuffix(" · ")))
