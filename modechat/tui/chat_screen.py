"""The chat screen: its widgets, and the handlers of its actions. Only this module knows them all.

The first frame has the prompt and an empty timeline; `mount_rest` adds the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from modechat.commands.hints import hint_line, moment_of
from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap
from modechat.tui.bindings import bind_actions
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.widgets.flash import Flash, News
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from modechat.commands.dispatch import Dispatcher
    from modechat.domain.typed import Typed
    from modechat.session.chat_session import ChatSession
    from modechat.session.events import SessionEvent
    from modechat.tui.chat_context import ChatContext
    from modechat.tui.composer import Composer
    from modechat.tui.handlers.comparing import ComparingActions
    from modechat.tui.handlers.messages import MessageActions
    from modechat.tui.handlers.prompting import PromptingActions
    from modechat.tui.session_view import SessionView
    from modechat.tui.widgets.transcript import Transcript

_READ_FILES = ("inspect", "compare")
"""The actions that read the files which the text at the prompt mentions."""
_LONGEST_LINE = 112
"""The most cells of a line of the conversation, frame included: longer lines are hard to read."""


class ChatScreen(ScreenFixes[None], Screen[None]):
    """The conversation and the prompt. It only takes text until `connect` gives it a session."""

    AUTO_FOCUS = "PromptArea"

    def __init__(self, keymap: Keymap = DEFAULT_KEYMAP) -> None:
        super().__init__()
        bind_actions(self, keymap)
        self.keymap = keymap
        self._session: ChatSession | None = None
        self._timeline = Vertical(id="timeline")
        self._has_rest = False
        self._flash = Flash()
        self._prompt = Prompt(self._submit, keymap)
        self._prompt.touched = self._flash.key_pressed
        self._status = StatusLine()
        self._news = News()

    def compose(self) -> ComposeResult:
        yield self._timeline
        yield self._news
        yield self._flash
        yield from self._prompt.neighbours
        yield self._prompt
        yield self._status
        yield Static(Content("Please make the window larger."), id="too-small")

    def on_mount(self) -> None:
        self._prompt.area.focus()
        self.show_hint()

    def on_resize(self, event: events.Resize) -> None:
        self._keep_lines_readable(event.size.width)
        self.show_hint()

    async def mount_rest(self) -> None:
        """Mount the other widgets, and begin to show events and do actions."""
        if not self._has_rest:
            self._has_rest = True
            await self._timeline.mount(self.transcript)
            self._keep_lines_readable(self.size.width)
            self.run_worker(self._view.run(), name="session events")
            self.run_worker(self.composer.outbox.run(), name="commands")

    def connect(self, session: ChatSession) -> None:
        """Act on `session` from now on."""
        self._session = self.context.session = session
        self.prompting.connect(session)
        self.run_worker(self.composer.connect(session, self.dispatcher), name="inputs")

    def receive(self, event: SessionEvent) -> None:
        """Take an event of the session; it is shown after earlier events."""
        self._view.receive(event)
        self.composer.receive(event)

    async def finish(self) -> None:
        """Wait until everything is done that the user asked for before."""
        await self._prompt.keys_are_handled()
        await self.composer.outbox.finish()

    # Its parts, imported at first use

    @cached_property
    def transcript(self) -> Transcript:
        from modechat.tui.widgets.transcript import Transcript

        return Transcript()

    @cached_property
    def composer(self) -> Composer:
        from modechat.tui.composer import Composer

        return Composer(self, self._prompt, self.transcript, self.flash_up, self._show_forecast)

    @cached_property
    def context(self) -> ChatContext:
        from modechat.tui.chat_context import ChatContext

        return ChatContext(
            self, self._prompt, self.transcript, self.composer, self.keymap, self.flash_up
        )

    @cached_property
    def _view(self) -> SessionView:
        from modechat.tui.session_view import SessionView

        announce = partial(self.flash_up, stays=True)
        return SessionView(self.context, self._status, announce, self.show_hint)

    @cached_property
    def prompting(self) -> PromptingActions:
        from modechat.tui.handlers.prompting import PromptingActions

        return PromptingActions(self.context)

    @cached_property
    def _messages(self) -> MessageActions:
        from modechat.tui.handlers.messages import MessageActions

        return MessageActions(self.context, self.action_act, self._comparing.compare_turn)

    @cached_property
    def _comparing(self) -> ComparingActions:
        from modechat.tui.handlers.comparing import ComparingActions

        return ComparingActions(self.context, self.show_hint)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """The dispatcher that finds the handlers of the actions."""
        from modechat.commands.dispatch import Dispatcher
        from modechat.tui.handlers.screens import ScreenActions
        from modechat.tui.handlers.view import ViewActions

        return Dispatcher(
            self.prompting,
            self._messages,
            self._comparing,
            ScreenActions(self.context, self._view.troubles),
            ViewActions(self.context),
            say=self.flash_up,
            selected=self.transcript.selection.turn_id,
        )

    # What is shown

    def show_hint(self) -> None:
        """Show what the keys do now."""
        is_busy = self._session is not None and self._session.is_busy
        is_selected = self._has_rest and self.transcript.selection.turn is not None
        moment = moment_of(is_busy=is_busy, is_selected=is_selected)
        self._prompt.show_hint(hint_line(moment, self.keymap, self._prompt.size.width - 2))

    def flash_up(self, text: str, *, stays: bool = False) -> None:
        """Show a text above the prompt. `stays`: the next key does not remove it."""
        self._flash.say(self.keymap.name_keys(text), stays=stays)

    def _show_forecast(self) -> None:
        """Show how full the text at the prompt will make the context."""
        if self._session is not None:
            self._view.figures.show()

    def _keep_lines_readable(self, width: int) -> None:
        """Put everything in the middle of a wide window, and leave the scroll bar at the edge."""
        side = (width - _LONGEST_LINE) // 2
        _set_margin((self._prompt,), side, is_wide=side > 1)
        beside = (self._news, self._flash, *self._prompt.neighbours, self._status)
        _set_margin(beside, side + 1, is_wide=side > 1)
        if self._has_rest:
            is_compact = self.app.has_class("-compact")
            _set_padding(self.transcript, side, is_wide=side > 1, is_compact=is_compact)

    # What the user does

    async def action_act(self, action_id: str) -> None:
        """Do an action, as its key does."""
        self._flash.key_pressed()
        await self.mount_rest()
        handler = self.dispatcher.handler(action_id)
        # A key may mean more than the command does: it acts on what is at the prompt.
        if handler is None:
            if (work := self.dispatcher.work(action_id)) is not None:
                await self.context.do(work)
        else:
            await self.context.act(handler, may_hang=action_id in _READ_FILES)

    def is_awaiting(self) -> bool:
        return self._has_rest and self.context.is_in_dialogue

    def _submit(self, typed: Typed) -> None:
        if not typed.text.strip() and self.transcript.selection.turn is not None:
            self._messages.message_menu()
        else:
            self.composer.submit(typed)

    # Textual finds these methods by name, so the class of the messages is imported later.

    def on_transcript_message_selected(self) -> None:
        self.show_hint()

    def on_transcript_code_clicked(self, message: Transcript.CodeClicked) -> None:
        self._messages.copy_code_block(message.turn, message.number)

    def on_transcript_following(self, message: Transcript.Following) -> None:
        self._news.show(message.has_news, self.keymap.name("follow"))

    @on(Prompt.EndWanted)
    def _end_wanted(self) -> None:
        self.transcript.follow()

    @on(Prompt.ModeTyped)
    def _mode_typed(self, message: Prompt.ModeTyped) -> None:
        self._status.update_status(mode=message.mode)

    @on(Prompt.TextTyped)
    def _text_typed(self) -> None:
        self.composer.text_changed()
        self._show_forecast()


def _set_margin(widgets: Iterable[Widget], margin: int, *, is_wide: bool) -> None:
    for widget in widgets:
        if is_wide:
            widget.styles.margin = (0, margin)
        else:
            widget.styles.clear_rule("margin")


def _set_padding(transcript: Widget, side: int, *, is_wide: bool, is_compact: bool) -> None:
    if is_wide:
        transcript.styles.padding = (0 if is_compact else 1, side, 0, side)
    else:
        transcript.styles.clear_rule("padding")
