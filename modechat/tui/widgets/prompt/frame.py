"""The prompt in its frame: the text area, and what is told around it while one types.

Enter sends; Shift+Enter, Alt+Enter and Ctrl+J begin a new line, and so does Enter after a backslash; a paste never
sends. What is meant by the text is looked at when it changes; of a large text a moment later. What looks at it is
imported when there is a text: the first frame has none.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static, TextArea

from modechat.commands.actions import slash_usage
from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap
from modechat.domain.mode import Mode, ModeState
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Recall, Typed, joined
from modechat.tui.mode_label import GLYPHS, mode_class
from modechat.tui.widgets.prompt.area import PromptArea
from modechat.tui.widgets.prompt.completer import Completer

if TYPE_CHECKING:
    from modechat.tui.widgets.prompt.completion import Word

_SECONDS_TO_HANDLE_KEYS = 2.0
_LARGE = 10_000
_LOOK_LATER = 0.15  # seconds
_PREVIEW_WIDTH = 200


class Prompt(Vertical):
    """The prompt in its frame. The frame shows the mode that the text would be sent in, while it is typed."""

    @dataclass
    class ModeTyped(Message):
        """The mode that the text would be sent in changed."""

        mode: Mode

    class TextTyped(Message):
        """The text changed."""

    class EndWanted(Message):
        """End was pressed, and there is no text that has one."""

    def __init__(self, submit: Callable[[Typed], None], keymap: Keymap = DEFAULT_KEYMAP) -> None:
        """`submit` is called with the text when the user presses Enter."""
        super().__init__(id="prompt")
        self.recall = Recall()
        """What was sent before."""
        self.take_back: Callable[[], bool] = lambda: False
        """Asked when Up is pressed in the empty prompt; whether something came back."""
        self.touched: Callable[[], None] = lambda: None
        """Called when a key is pressed here, or something is pasted, before that does anything."""
        self._submit = submit
        self._area = PromptArea(lambda: self._submit(self.typed), self, keymap)
        self.completer = Completer(self._word, self._complete, lambda: self._submit(self.typed))
        self._queued = Static(id="queued")
        self._queued.display = False
        self._state = ModeState()
        self._mode = Mode.CHAT
        self._sees_history = True
        self._is_editing = False
        self._opens_token = f"{keymap.name('open_paste') or '/open'} opens the pasted text"
        self._hint = ""
        self._files: frozenset[str] = frozenset()
        self._look_later: Timer | None = None
        self._marks: dict[int, list[tuple[int, int, str]]] | None = None

    def compose(self) -> ComposeResult:
        yield self._area

    def on_mount(self) -> None:
        self._refresh_mode()

    @property
    def neighbours(self) -> Iterator[Widget]:
        """What stands above the prompt, from above."""
        yield self._queued
        yield self.completer.list

    # The text

    @property
    def text(self) -> str:
        """The text that is meant: with what is behind the tokens of big pastes."""
        return self._area.typed.text

    @property
    def typed(self) -> Typed:
        return self._area.typed

    @property
    def area(self) -> PromptArea:
        """For the focus and the selection."""
        return self._area

    def clear(self) -> None:
        """Take the text away; undo brings it back."""
        self._area.show(Typed())

    def restore(self, text: str | Typed) -> None:
        """Give back a text that could not be sent, before what was typed since."""
        typed = Typed(text) if isinstance(text, str) else text
        self._area.show(joined([typed, self.typed]))

    def fill(self, text: str | Typed) -> None:
        """Put a text where the user goes on typing; undo brings back what was there."""
        self._area.show(Typed(text) if isinstance(text, str) else text)

    def begin_with(self, typed: Typed) -> None:
        """Show the draft of another conversation, before what was typed since."""
        self.recall.stop()
        self._area.begin_with(joined([typed, self.typed]))

    # What is told

    def show_state(self, state: ModeState) -> None:
        """The mode of the conversation."""
        self._state = state
        self._refresh_marks()
        self._refresh_mode()

    def show_files(self, files: Iterable[str]) -> None:
        """The files that the text mentions and that exist, as they are written there."""
        if (known := frozenset(files)) != self._files:
            self._files = known
            self._refresh_marks()

    def show_history(self, sees_history: bool) -> None:
        """Whether the model sees what was said before in the chat."""
        self._sees_history = sees_history
        self._refresh_mode()

    def show_editing(self, is_editing: bool) -> None:
        """Whether what is sent takes the place of an earlier message."""
        self._is_editing = is_editing
        self._refresh_mode()

    def show_hint(self, hint: str) -> None:
        """What the keys do at the moment, on the lower border."""
        self._hint = hint
        self._refresh_hint()

    def show_queued(self, queued: Sequence[Typed]) -> None:
        """What will be sent when the reply has ended."""
        self._queued.display = bool(queued)
        if queued:
            preview = sanitize_line(queued[0].text[:_PREVIEW_WIDTH])
            self._queued.update(Content.assemble((f"{len(queued)} queued: ", "bold"), preview))

    def dismiss(self) -> bool:
        """Close the list of completions; whether one was open."""
        return self.completer.close()

    async def keys_are_handled(self) -> None:
        """Wait until the keys that were pressed before have done what they do."""
        handled = asyncio.Event()
        self._area.call_later(handled.set)
        with contextlib.suppress(TimeoutError):  # it is going away
            await asyncio.wait_for(handled.wait(), _SECONDS_TO_HANDLE_KEYS)
        self._area.submit_deferred()

    # What the text area asks

    def take_key(self, key: str) -> bool:
        self.touched()
        if key == "end" and not self.text:
            self.post_message(self.EndWanted())
            return True
        return self.completer.take_key(key)

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
            behind = [self._area.meaning_of(line) for line in lines]
            self._marks = marks(lines, behind, self._state, self._files)
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
        self._area.complete((self._area.cursor_location[0], start), text)

    @on(TextArea.Changed)
    def _changed(self, message: TextArea.Changed) -> None:
        message.stop()
        if self._look_later is not None:
            self._look_later.stop()
            self._look_later = None
        if len(self.text) > _LARGE:
            self._look_later = self.set_timer(_LOOK_LATER, self._look)
        else:
            self._look()

    @on(TextArea.SelectionChanged)
    def _moved(self, message: TextArea.SelectionChanged) -> None:
        message.stop()
        self.completer.update()
        self._refresh_hint()

    def _look(self) -> None:
        self._refresh_mode()
        self._refresh_hint()
        self.post_message(self.TextTyped())

    def _refresh_marks(self) -> None:
        self._marks = None
        self._area.notify_style_update()
        self._area.refresh()

    def _refresh_hint(self) -> None:
        """A command tells what it does while it is typed, and a token how it is opened."""
        hint = self._opens_token if self._area.is_at_token else self._hint
        if self.text:
            from modechat.commands.slash import read_slash

            if (command := read_slash(self.typed)) is not None:
                hint = f"{slash_usage(command.action)} · {command.action.help}"
        self.border_subtitle = Content(hint)

    def _refresh_mode(self) -> None:
        mode = self._state.mode
        if self.text:
            from modechat.domain.modes import mode_of

            mode = mode_of(self.typed, self._state)
        standing = self._state.standing if mode is Mode.INSTRUCT else None
        for other in Mode:
            self.set_class(other is mode, mode_class(other))
        label = f"{GLYPHS[mode]} {mode}"
        if standing is not None and self._state.task:
            label += f": {sanitize_line(self._state.task)} ({_shorten(sanitize_line(standing))})"
        elif standing is not None:
            label += f": {_shorten(sanitize_line(standing))}"
        elif mode is Mode.CHAT and not self._sees_history:
            label += " · last message only"
        if self._is_editing:
            label += " · editing a message, Esc cancels"
        self.border_title = Content(label)
        self._area.placeholder = Content(_placeholder(mode, standing))
        if mode is not self._mode:
            self._mode = mode
            self.post_message(self.ModeTyped(mode))


def _placeholder(mode: Mode, standing: str | None) -> str:
    if standing is not None:
        return "The next input for this instruction"
    if mode is Mode.INSTRUCT:
        return "What should be done? One task, without the chat's history"
    return "Message, or ### Instruction"


def _shorten(text: str, width: int = 40) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
