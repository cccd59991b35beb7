"""Lines above the prompt: what is said for a moment, and that there is new text below."""

from __future__ import annotations

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from modechat.domain.text import sanitize

_SECONDS = 4.0


class Flash(Static):
    """A line that goes by itself, and at the next key."""

    def __init__(self) -> None:
        super().__init__(id="flash")
        self._timer: Timer | None = None
        self._stays = False

    def on_mount(self) -> None:
        self.display = False

    def say(self, text: str, *, stays: bool = False) -> None:
        """Show a text.

        `stays`: also at the next key, because it is no answer to what the user did last.
        """
        self._stays = stays
        self.update(Content(sanitize(text)))
        self.display = True
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_SECONDS, self._hide)

    def key_pressed(self) -> None:
        """What was said is not about what comes now."""
        if not self._stays:
            self._hide()

    def _hide(self) -> None:
        self.display = False


class News(Static):
    """A line that says that the transcript has new text below what is seen."""

    def __init__(self) -> None:
        super().__init__(id="news")

    def on_mount(self) -> None:
        self.display = False

    def show(self, has_news: bool, key: str) -> None:
        """`key` leads there; empty if none does."""
        self.display = has_news
        self.update(Content(f"↓ new text below · {key}".removesuffix(" · ")))
