"""The prompt: the text area in its frame, with its helpers.

Enter sends. Shift+Enter, Alt+Enter and Ctrl+J begin a new line, and so does Enter after a
backslash; a paste never sends. The meaning of the text is read after each change, and for a large
text a moment later. The modules for that are imported when there is a text: the first frame has
none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TextArea

from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap
from modechat.domain.mode import ModeState
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Recall, Typed, joined
from modechat.tui.widgets.prompt.area import PromptArea
from modechat.tui.widgets.prompt.completer import Completer
from modechat.tui.widgets.prompt.frame import PromptFrame

if TYPE_CHECKING:
    from modechat.tui.widgets.prompt.completion import Word

_SECONDS_TO_HANDLE_KEYS = 2.0
_LARGE = 10_000
"""Characters; a longer text is read a moment after the last key."""
_SECONDS_TO_READ_LATER = 0.15
_PREVIEW_WIDTH = 200


class Prompt(PromptFrame):
    """The prompt, where the user types."""

    class TextTyped(Message):
        """Tells that the text changed."""

    class EndWanted(Message):
        """Tells that End was pressed in the empty prompt."""

    def __init__(self, submit: Callable[[Typed], None], keymap: Keymap = DEFAULT_KEYMAP) -> None:
        """Call `submit` with the text when the user presses Enter."""
        super().__init__(PromptArea(self._send, self, keymap), keymap)
        self.recall = Recall()
        """The messages that were sent before."""
        self.take_back: Callable[[], bool] = _nothing
        """Called when Up is pressed in the empty prompt; returns True if a message came back."""
        self.touched: Callable[[], object] = _nothing
        """Called when a key is pressed here or something is pasted, before that has an effect."""
        self._submit = submit
        self.completer = Completer(self._word, self._complete, self._send)
        self._queued = Static(id="queued")
        self._queued.display = False
        self._files: frozenset[str] = frozenset()
        self._reads_later: Timer | None = None
        self._marks: dict[int, list[tuple[int, int, str]]] | None = None

    @property
    def neighbours(self) -> Iterator[Widget]:
        """The widgets above the prompt, the highest first."""
        yield self._queued
        yield self.completer.list

    @property
    def area(self) -> PromptArea:
        """The text area, for the focus and the selection."""
        return self._area

    # The text

    def clear(self) -> None:
        """Remove the text; undo brings it back."""
        self._area.show(Typed())

    def restore(self, text: str | Typed) -> None:
        """Put back a text that could not be sent, before what was typed since."""
        typed = Typed(text) if isinstance(text, str) else text
        self._area.show(joined([typed, self.typed]))

    def fill(self, text: str | Typed) -> None:
        """Replace the text and let the user go on; undo brings the old one back."""
        self._area.show(Typed(text) if isinstance(text, str) else text)

    def begin_with(self, typed: Typed) -> None:
        """Show the draft of another conversation, before what was typed since."""
        self.recall.stop()
        self._area.begin_with(joined([typed, self.typed]))

    async def keys_are_handled(self) -> None:
        """Wait until the keys that were pressed before are handled."""
        handled = asyncio.Event()
        self._area.call_later(handled.set)
        with contextlib.suppress(TimeoutError):  # the area is being removed
            await asyncio.wait_for(handled.wait(), _SECONDS_TO_HANDLE_KEYS)
        self._area.submit_deferred()

    def _send(self) -> None:
        self._submit(self.typed)

    # What is shown

    def show_state(self, state: ModeState) -> None:
        super().show_state(state)
        self._refresh_marks()

    def show_files(self, files: Iterable[str]) -> None:
        """Colour the existing files that the text mentions, as they are written there."""
        known = frozenset(files)
        if known != self._files:
            self._files = known
            self._refresh_marks()

    def show_queued(self, queued: Sequence[Typed]) -> None:
        """Show the messages that will be sent when the reply has ended."""
        self._queued.display = bool(queued)
        if queued:
            preview = sanitize_line(queued[0].text[:_PREVIEW_WIDTH])
            self._queued.update(Content.assemble((f"{len(queued)} queued: ", "bold"), preview))

    def dismiss(self) -> bool:
        """Close the list of completions; return True if one was open."""
        return self.completer.close()

    # Called by the text area

    def offer_key(self, key: str) -> bool:
        self.touched()
        if key == "end" and not self.text:
            self.post_message(self.EndWanted())
            return True
        return self.completer.handle_key(key)

    def recall_older(self) -> bool:
        if not self.text and not self.recall.is_walking and self.take_back():
            return True
        return self._show_recalled(self.recall.older(self.typed), at_start=True)

    def recall_newer(self) -> bool:
        return self._show_recalled(self.recall.newer(self.typed), at_start=False)

    def text_changed(self) -> None:
        self._marks = None
        self.completer.update()

    def marks_in(self, row: int) -> Sequence[tuple[int, int, str]]:
        if not self.text:
            return ()
        if self._marks is None:
            from modechat.tui.widgets.prompt.marks import marks

            lines = self._area.document.lines
            meant = [self._area.meaning_of(line) for line in lines]
            self._marks = marks(lines, meant, self._state, self._files)
        return self._marks.get(row, ())

    def _show_recalled(self, typed: Typed | None, *, at_start: bool) -> bool:
        if typed is None:
            return False
        self._area.show(typed, at_start=at_start)
        self.completer.close()
        return True

    def _word(self) -> Word | None:
        row, column = self._area.cursor_location
        if not self._area.selection.is_empty or not self.text:
            return None
        from modechat.tui.widgets.prompt.completion import word_before

        return word_before(self._area.document[row][:column], is_first=row == 0)

    def _complete(self, start: int, text: str) -> None:
        row, _ = self._area.cursor_location
        self._area.complete((row, start), text)

    @on(TextArea.Changed)
    def _changed(self, message: TextArea.Changed) -> None:
        message.stop()
        if self._reads_later is not None:
            self._reads_later.stop()
            self._reads_later = None
        if len(self.text) > _LARGE:
            self._reads_later = self.set_timer(_SECONDS_TO_READ_LATER, self._read_text)
        else:
            self._read_text()

    @on(TextArea.SelectionChanged)
    def _moved(self, message: TextArea.SelectionChanged) -> None:
        message.stop()
        self.completer.update()
        self.refresh_hint()

    def _read_text(self) -> None:
        self.refresh_mode()
        self.refresh_hint()
        self.post_message(self.TextTyped())

    def _refresh_marks(self) -> None:
        self._marks = None
        self._area.notify_style_update()
        self._area.refresh()


def _nothing() -> bool:
    return False
