"""The prompt inspector: the exact prompt of the next turn, or of an earlier one, in both modes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from modechat.domain.conversation import Turn, as_mode
from modechat.domain.key_names import key
from modechat.domain.mode import Mode
from modechat.domain.modes import ChatMessage, Task
from modechat.errors import EngineError
from modechat.tui.bindings import keymap_of
from modechat.tui.newest_work import run_newest
from modechat.tui.prompt_lines import Layout
from modechat.tui.screens.dialog import HELP, Dialog
from modechat.tui.widgets.prompt_pane import PromptPane

if TYPE_CHECKING:
    from modechat.engine.prompt_view import PromptView
    from modechat.session.chat_session import ChatSession

_WIDTH_FOR_BOTH = 100
_SECONDS_WITHOUT_A_WORD = 0.2
_WAITING = "Waiting for the engine…"
_NOTHING = (
    "There is no message yet. Write one at the prompt; "
    f"{key('inspect', 'F2')} shows what the model would get."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """A turn whose prompt is shown; without a `turn`, the next turn."""

    request: ChatMessage | Task
    turn: Turn | None = None


class InspectorScreen(Dialog[None]):
    """Shows both modes side by side in a wide window, else one at a time."""

    HEADING = "Prompt inspector"
    OPENED_BY = "inspect"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Left, Right", "Go to the previous turn, or the next"),
        ("Up, Down, Page Up, Page Down", "Scroll"),
        ("Tab", "Change between chat and instruct mode"),
        ("T", "Show text, tokens, or the numbers of tokens"),
        ("C", "Copy the prompt"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "close", show=False),
        Binding("left,left_square_bracket", "step(-1)", "Earlier", show=False, priority=True),
        Binding("right,right_square_bracket", "step(1)", "Later", show=False, priority=True),
        Binding("tab,shift+tab", "other_mode", "Other mode", show=False, priority=True),
        Binding("t", "layout", "Text or tokens", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(self, session: ChatSession, request: ChatMessage | Task | None) -> None:
        """Show the prompt of `request`, which would be sent next; None if there is none."""
        super().__init__()
        self._session = session
        self._subjects: list[Subject] = []
        if session.conversation is not None:
            self._subjects += [Subject(turn.request, turn) for turn in session.conversation.turns]
        self._n_turns = len(self._subjects)
        if request is not None:
            self._subjects.append(Subject(request))
        self._at = len(self._subjects) - 1
        self._layout_used = Layout.TEXT
        self._panes = {mode: PromptPane(mode) for mode in Mode}
        self._front = Mode.CHAT
        if self._subjects:
            self._front = self._subjects[-1].request.mode

    def compose(self) -> ComposeResult:
        with self.frame, Horizontal():
            yield from self._panes.values()

    def on_mount(self) -> None:
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.width < _WIDTH_FOR_BOTH, "-single")
        self._show_front()

    def action_step(self, by: int) -> None:
        at = min(max(self._at + by, 0), len(self._subjects) - 1)
        if at != self._at:
            self._at = at
            self._show()

    def action_other_mode(self) -> None:
        self._front = self._front.other
        self._show_front()

    def action_layout(self) -> None:
        self._layout_used = self._layout_used.following
        for pane in self._panes.values():
            pane.show_layout(self._layout_used)
        self._show_titles()

    def action_copy(self) -> None:
        """Copy the prompt of the mode in front."""
        if (view := self._panes[self._front].view) is not None:
            self.app.copy_to_clipboard(view.text)

    def _show(self) -> None:
        self._show_titles()
        self._show_front()
        if self._subjects:
            run_newest(self, self._inspect, self._subjects[self._at])
        else:
            self._panes[self._front].show_message(keymap_of(self).name_keys(_NOTHING))

    def _show_titles(self) -> None:
        self.show_heading(f"{self._title()} · {self._layout_used}")
        following = self._layout_used.following
        self.show_hints("←→ turns", f"t {following}", "Tab mode", "c copies", "Esc closes", HELP)

    def _title(self) -> str:
        if not self._subjects:
            return "Prompt"
        turn = self._subjects[self._at].turn
        if turn is None:
            return "Prompt of the next turn"
        number = f"turn {self._at + 1} of {self._n_turns}"
        return f"Prompt of {number}, as it would be made now{self._other_format(turn)}"

    def _other_format(self, turn: Turn) -> str:
        """Return the format of the turn in words if another one is in use now, else ""."""
        stats, model = turn.reply.stats, self._session.model
        if stats is None or model is None or stats.format == model.format:
            return ""
        return f" in its format, {stats.format}"

    def _show_front(self) -> None:
        """Focus the mode in front. A narrow window shows no other."""
        for mode, pane in self._panes.items():
            pane.set_class(mode is not self._front, "-behind")
        self._panes[self._front].lines.focus()

    async def _inspect(self, subject: Subject) -> None:
        await asyncio.gather(*(self._fill(pane, subject) for pane in self._panes.values()))
        self._show_front()

    async def _fill(self, pane: PromptPane, subject: Subject) -> None:
        waiting = self.set_timer(_SECONDS_WITHOUT_A_WORD, partial(pane.show_message, _WAITING))
        try:
            view = await self._prompt_of(subject, pane.mode)
        except EngineError as error:
            said = "\n\n".join(filter(None, (error.title, error.hint)))
            pane.show_message(keymap_of(self).name_keys(said))
        else:
            model = self._session.model
            pane.show_prompt(view, model.n_ctx if model is not None else 0, self._layout_used)
        finally:
            waiting.stop()

    async def _prompt_of(self, subject: Subject, mode: Mode) -> PromptView:
        request = as_mode(subject.request, mode)
        if subject.turn is None:
            return await self._session.prompts.next(request)
        return await self._session.prompts.of_turn(replace(subject.turn, request=request))
