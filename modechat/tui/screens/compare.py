"""The comparison: a column for each variant.

The window shows as many columns as fit, and always the one in front.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from modechat.commands.comparing import labels_of, shown_question
from modechat.domain.modes import Incomplete
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
from modechat.tui.screens.compare_outcome import Outcome, keep_reply, use_settings
from modechat.tui.screens.dialog import HELP, Dialog
from modechat.tui.screens.tab_line import TabLine
from modechat.tui.widgets.compare_column import CompareColumn, CompareColumns

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_NARROWEST = 33
"""Cells that a column beside others needs, its frame included."""
_SCROLL_KEYS = (
    ("up", "up"),
    ("down", "down"),
    ("pageup", "page_up"),
    ("pagedown", "page_down"),
    ("home", "home"),
    ("end", "end"),
)


class CompareScreen(Dialog[Outcome]):
    """Starts the comparison when it is shown, and ends it.

    It returns the outcome, or None if there is nothing to say about it.
    """

    HEADING = "Compare"
    BORDER_SPACE = " "
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Left, Right, Tab, 1 to 4, a click", "Choose a column"),
        ("Up, Down, Page Up, Page Down, Home, End", "Scroll it"),
        ("Enter, K", "Keep its reply in the conversation"),
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
        *(Binding(key, f"scroll('{how}')", show=False) for key, how in _SCROLL_KEYS),
        Binding("enter,k", "keep(False)", show=False),
        Binding("u", "keep(True)", show=False),
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
        self._tabs = TabLine(None for _ in self._columns)
        self._asked = Static(classes="asked")
        self._front = 0
        self._is_over = self._is_keeping = False

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._asked
            yield self._tabs
            with CompareColumns():
                yield from self._columns

    def on_mount(self) -> None:
        mode = self._question.request.mode
        self._asked.update(Content(f"{GLYPHS[mode]} {shown_question(self._question)}"))
        self._arrange()
        self._show_keys()
        self.run_worker(self._start(), name="comparison")

    async def _start(self) -> None:
        reason = await self._session.comparison.start(self._question, self._settings, self._handle)
        if reason is not None:
            self.dismiss(Outcome(reason.reason))
        self._show_keys()

    def on_unmount(self) -> None:
        self._is_over = True

    def on_screen_resume(self) -> None:
        if self._is_over:  # the comparison was closed below another screen
            self.dismiss(None)

    # Events of the session

    def _handle(self, event: ComparisonEvent) -> None:
        if self._is_over:
            return
        match event:
            case VariantGrew(index=index, variant=variant, text=text, is_thinking=is_thinking):
                self._columns[index].grow(variant, text, is_thinking=is_thinking)
            case VariantChanged(index=index, variant=variant):
                self._columns[index].show(variant)
                self._show_tabs()
            case ComparisonDone():
                self._show_keys()
            case ComparisonClosed():
                self._is_over = True
                if not self._is_keeping and self.is_active:
                    self.call_later(self._leave)

    def _leave(self) -> None:
        self.dismiss(None)  # a handler of this screen would have Textual await it

    # What is shown

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._arrange()

    def _arrange(self) -> None:
        """Show as many columns as fit, and always the one in front."""
        fitting = max(self.size.width // _NARROWEST, 1)
        count = min(fitting, len(self._columns))
        start = min(max(self._front - count + 1, 0), len(self._columns) - count)
        for at, column in enumerate(self._columns):
            column.display = start <= at < start + count
            column.set_class(at == self._front, "-front")
        self._tabs.display = count < len(self._columns)
        self._show_tabs()

    def _show_tabs(self) -> None:
        self._tabs.show((column.heading for column in self._columns), self._front)

    def _show_keys(self) -> None:
        if self._session.comparison.is_running:
            self.show_hints("Esc stops", "s skips", "←→ column", "Enter keeps", HELP)
        else:
            self.show_hints(
                "Enter keeps",
                "u keeps and uses its settings",
                "Esc closes",
                "r again",
                "←→",
                HELP,
            )

    # Keys and mouse

    def action_step(self, by: int) -> None:
        self.action_front((self._front + by) % len(self._columns))

    def action_front(self, at: int) -> None:
        if at < len(self._columns):
            self._front = at
            self._arrange()
            self._show_keys()

    @on(CompareColumn.Clicked)
    def _column_clicked(self, message: CompareColumn.Clicked) -> None:
        self.action_front(self._columns.index(message.column))

    @on(TabLine.Clicked)
    def _tab_clicked(self, message: TabLine.Clicked) -> None:
        self.action_front(message.index)

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
            self._show_keys()

    def action_keep(self, uses: bool) -> None:
        """Keep the reply in front; with `uses`, use its settings from now on."""
        self.run_worker(self._keep(self._front, uses=uses), name="keep")

    async def _keep(self, at: int, *, uses: bool) -> None:
        if self._is_keeping:
            return
        self._is_keeping = True
        outcome = await keep_reply(self._session, at, self._labels[at])
        if isinstance(outcome, Incomplete):
            self._is_keeping = False
            self.flash_up(outcome.reason)
            return
        if uses:
            outcome = await use_settings(self._session, self._settings[at], self._labels[at])
        self.dismiss(outcome)

    def action_close(self) -> None:
        comparison = self._session.comparison
        if self._session.reads.stop():
            return  # the models of the variants were being read
        if comparison.is_running:
            comparison.stop()
            self._show_keys()
        else:
            self.run_worker(comparison.close(), name="close")
