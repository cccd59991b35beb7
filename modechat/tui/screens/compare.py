"""The comparison: columns side by side where the window is wide enough, else those around the one in front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from modechat.commands.comparing import labels_of, use_from_now_on
from modechat.domain.conversation import message_text
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Incomplete
from modechat.domain.text import ended, in_one_line, sanitize_line
from modechat.errors import StoreError
from modechat.session.variants import (
    ComparisonClosed,
    ComparisonDone,
    ComparisonEvent,
    Question,
    VariantChanged,
    VariantGrew,
    VariantSettings,
)
from modechat.tui.mode_label import GLYPHS
from modechat.tui.screens.dialog import Dialog
from modechat.tui.widgets.compare_column import CompareColumn, CompareColumns

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_NARROWEST = 33
"""Cells of a column beside others, with its frame."""
_LONGEST_QUESTION = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a comparison ended."""

    words: str
    """What to tell of it."""
    is_kept: bool = False
    """Whether a reply was."""


class CompareScreen(Dialog[Outcome]):
    """Starts the comparison when it is shown, and ends it. Returns None if no reply was kept and all is said."""

    HEADING = "Compare"
    BORDER_SPACE = " "
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Left, Right, Tab, 1 to 4, a click", "Choose a column"),
        ("Up, Down, Page Up, Page Down, Home, End", "Scroll it"),
        ("Enter, K", "Keep its reply: it becomes that of the conversation"),
        ("U", "Keep it, and use its settings from now on"),
        ("R", "Ask it once more"),
        ("S", "Stop the one that runs, and go on with the next"),
        ("C", "Copy its reply"),
        ("T", "Unfold what the models thought"),
        ("Esc", "Stop all; then close, and keep none"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,shift+tab", "step(-1)", show=False, priority=True),
        Binding("right,tab", "step(1)", show=False, priority=True),
        *(Binding(str(number), f"front({number - 1})", show=False) for number in range(1, 5)),
        *(
            Binding(key, f"scroll('{how}')", show=False)
            for key, how in (
                ("up", "up"),
                ("down", "down"),
                ("pageup", "page_up"),
                ("pagedown", "page_down"),
                ("home", "home"),
                ("end", "end"),
            )
        ),
        Binding("enter,k", "keep", show=False),
        Binding("u", "keep_and_use", show=False),
        Binding("r", "again", show=False),
        Binding("s", "skip", show=False),
        Binding("c", "copy", show=False),
        Binding("t,ctrl+y", "thinking", show=False),
    ]

    def __init__(
        self, session: ChatSession, question: Question, variants: Sequence[VariantSettings]
    ) -> None:
        super().__init__()
        self._session = session
        self._question = question
        self._settings = tuple(variants)
        self._labels = labels_of(self._settings, session)
        self._columns = [CompareColumn(at, label) for at, label in enumerate(self._labels, 1)]
        self._tabs = [Static(classes="tab") for _ in self._columns]
        self._tab_line = Horizontal(*self._tabs, classes="tabs")
        self._asked = Static(classes="asked")
        self._front = 0
        self._is_over = self._is_keeping = False

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._asked
            yield self._tab_line
            with CompareColumns():
                yield from self._columns

    def on_mount(self) -> None:
        mode = Mode.CHAT if isinstance(self._question.request, ChatMessage) else Mode.INSTRUCT
        text = sanitize_line(message_text(self._question.request)[:_LONGEST_QUESTION])
        self._asked.update(Content(f"{GLYPHS[mode]} {text}"))
        self._arrange()
        self._say_keys()
        self.run_worker(self._start(), name="comparison")

    async def _start(self) -> None:
        reason = await self._session.comparison.start(self._question, self._settings, self._take)
        if reason is not None:
            self.dismiss(Outcome(reason.reason))
        self._say_keys()

    def on_unmount(self) -> None:
        self._is_over = True

    def on_screen_resume(self) -> None:
        if self._is_over:  # it was closed while another screen stood above this one
            self.dismiss(None)

    # What the session tells

    def _take(self, event: ComparisonEvent) -> None:
        if self._is_over:
            return
        match event:
            case VariantGrew(index=index, variant=variant, text=text, is_thinking=is_thinking):
                self._columns[index].grow(variant, text, is_thinking=is_thinking)
            case VariantChanged(index=index, variant=variant):
                self._columns[index].show(variant)
                self._show_tabs()
            case ComparisonDone():
                self._say_keys()
            case ComparisonClosed():
                self._is_over = True
                if (
                    not self._is_keeping and self.is_active
                ):  # whoever closed it: there is nothing to choose any more
                    self.call_later(self._leave)

    def _leave(self) -> None:
        self.dismiss(None)

    # What is shown

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._arrange()

    def _arrange(self) -> None:
        """As many columns as have room, the one in front among them."""
        fitting = max(self.size.width // _NARROWEST, 1)
        count = min(fitting, len(self._columns))
        start = min(max(self._front - count + 1, 0), len(self._columns) - count)
        for at, column in enumerate(self._columns):
            column.display = start <= at < start + count
            column.set_class(at == self._front, "-front")
        self._tab_line.display = count < len(self._columns)
        self._show_tabs()

    def _show_tabs(self) -> None:
        for at, (tab, column) in enumerate(zip(self._tabs, self._columns, strict=True)):
            tab.update(Content.styled(column.heading, "bold" if at == self._front else "dim"))

    def _say_keys(self) -> None:
        if self._session.comparison.is_running:
            self.show_hints("Esc stops", "s skips", "←→ column", "Enter keeps", "F1 help")
        else:
            self.show_hints(
                "Enter keeps",
                "u keeps and uses its settings",
                "Esc closes",
                "r again",
                "←→",
                "F1 help",
            )

    def flash_up(self, text: str) -> None:
        """Say something until the next key that matters."""
        self.show_hints(text)

    # What the user does

    def action_step(self, by: int) -> None:
        self.action_front((self._front + by) % len(self._columns))

    def action_front(self, at: int) -> None:
        if at < len(self._columns):
            self._front = at
            self._arrange()
            self._say_keys()

    @on(CompareColumn.Clicked)
    def _column_clicked(self, message: CompareColumn.Clicked) -> None:
        self.action_front(self._columns.index(message.column))

    def on_click(self, event: events.Click) -> None:
        at = next((at for at, tab in enumerate(self._tabs) if event.widget is tab), None)
        if at is not None:
            self.action_front(at)

    def action_scroll(self, how: str) -> None:
        getattr(self._columns[self._front].body, f"scroll_{how}")(animate=False)

    def action_copy(self) -> None:
        if source := self._columns[self._front].source:
            self.app.copy_to_clipboard(source)

    def action_thinking(self) -> None:
        for column in self._columns:
            column.toggle_thinking()

    def action_skip(self) -> None:
        self._session.comparison.skip()

    def action_again(self) -> None:
        self.run_worker(self._again(self._front), name="again")

    async def _again(self, at: int) -> None:
        reason = await self._session.comparison.again(at)
        if reason is not None:
            self.flash_up(reason.reason)
        else:
            self._say_keys()

    def action_keep(self) -> None:
        self.run_worker(self._keep(self._front, uses=False), name="keep")

    def action_keep_and_use(self) -> None:
        self.run_worker(self._keep(self._front, uses=True), name="keep")

    async def _keep(self, at: int, *, uses: bool) -> None:
        if self._is_keeping:
            return
        self._is_keeping = True
        try:
            reason = await self._session.comparison.keep(at)
        except StoreError as error:
            reason = Incomplete(in_one_line(error.title, error.hint))
        if reason is not None:
            self._is_keeping = False
            self.flash_up(reason.reason)
        else:
            words = await self._use(at) if uses else f"Kept: {self._labels[at]}."
            self.dismiss(Outcome(words, is_kept=True))

    async def _use(self, at: int) -> str:
        label = self._labels[at]
        try:
            reason = await use_from_now_on(self._settings[at], self._session)
        except StoreError as error:
            return f"The reply is kept, and {label} is used now, but not remembered: {ended(error.title)}"
        if reason is not None:
            return f"The reply is kept, but its settings are not used: {reason.reason}"
        return f"Kept, and used from now on: {label}."

    def action_close(self) -> None:
        comparison = self._session.comparison
        if comparison.is_running:
            comparison.stop()
            self._say_keys()
        else:
            self.run_worker(comparison.close(), name="close")
