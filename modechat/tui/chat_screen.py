"""The chat screen: what is on it, and who acts for it. It alone knows them all.

The first frame has the prompt and an empty timeline; `mount_rest` brings what is needed after it.
"""

from __future__ import annotations

from functools import cached_property, partial
from inspect import isawaitable
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from modechat.commands.actions import Moment
from modechat.commands.hints import hint_line
from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap
from modechat.domain.text import sanitize
from modechat.tui.bindings import bind_actions
from modechat.tui.screens.screen_fixes import ScreenFixes
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from modechat.commands.actions import Action
    from modechat.commands.dispatch import Dispatcher
    from modechat.domain.typed import Typed
    from modechat.errors import ModechatError
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.session.events import SessionEvent
    from modechat.tui.chat_context import ChatContext
    from modechat.tui.composer import Composer
    from modechat.tui.handlers.comparing import ComparingActions
    from modechat.tui.handlers.messages import MessageActions
    from modechat.tui.handlers.prompting import PromptingActions
    from modechat.tui.session_view import SessionView
    from modechat.tui.widgets.transcript import Transcript

_FLASH_SECONDS = 4.0
_LONGEST_LINE = 112
"""Cells of a line of the conversation with its frame: longer ones are hard to read."""


class ChatScreen(ScreenFixes[None], Screen[None]):
    """`connect` gives it its session; until then it only takes text."""

    AUTO_FOCUS = "PromptArea"

    def __init__(self, keymap: Keymap = DEFAULT_KEYMAP) -> None:
        super().__init__()
        bind_actions(self, keymap)
        self.keymap = keymap
        self._session: ChatSession | None = None
        self._timeline = Vertical(id="timeline")
        self._has_rest = False
        self._flash = Static(id="flash")
        self._prompt = Prompt(self._submit, keymap)
        self._prompt.touched = self._key_pressed
        self._status = StatusLine()
        self._news = Static(id="news")
        self._flash_timer: Timer | None = None
        self._flash_stays = False

    def compose(self) -> ComposeResult:
        yield self._timeline
        yield self._news
        yield self._flash
        yield from self._prompt.neighbours
        yield self._prompt
        yield self._status
        yield Static(Content("Please make the window larger."), id="too-small")

    def on_mount(self) -> None:
        self._flash.display = self._news.display = False
        self._prompt.area.focus()
        self.show_hint()

    def on_resize(self, event: events.Resize) -> None:
        self._keep_lines_readable(event.size.width)
        self.show_hint()

    async def mount_rest(self) -> None:
        """Mount what the first frame did not need: the transcript, and who shows events and does actions."""
        if not self._has_rest:
            self._has_rest = True
            await self._timeline.mount(self.transcript)
            self._keep_lines_readable(self.size.width)
            self.run_worker(self._view.run(), name="session events")
            self.run_worker(self.composer.outbox.run(), name="commands")

    def connect(self, session: ChatSession) -> None:
        """From now on, act on `session`."""
        self._session = self.context.session = session
        self._prompting.connect(session)
        self.run_worker(self.composer.connect(session, self.dispatcher), name="inputs")

    def receive(self, event: SessionEvent) -> None:
        """Take an event of the session; it is shown after those before it."""
        self._view.receive(event)
        self.composer.receive(event)

    async def finish(self) -> None:
        """Wait until everything is done that the user asked for before."""
        await self._prompt.keys_are_handled()
        await self.composer.outbox.finish()

    # Its parts, imported when they are needed first

    @cached_property
    def transcript(self) -> Transcript:
        from modechat.tui.widgets.transcript import Transcript

        return Transcript()

    @cached_property
    def composer(self) -> Composer:
        from modechat.tui.composer import Composer

        return Composer(self, self._prompt, self.flash_up, self._show_error, self._show_forecast)

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
    def _prompting(self) -> PromptingActions:
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
        """Finds who does the actions of the table."""
        from modechat.commands.dispatch import Dispatcher
        from modechat.tui.handlers.screens import ScreenActions
        from modechat.tui.handlers.view import ViewActions

        return Dispatcher(
            self._prompting,
            self._messages,
            self._comparing,
            ScreenActions(self.context, self._view.troubles),
            ViewActions(self.context),
            say=self.flash_up,
            selected=self._selected_turn,
        )

    # What is shown

    def show_hint(self) -> None:
        """Show what the keys do at the moment."""
        is_busy = self._session is not None and self._session.is_busy
        if self._has_rest and self.transcript.selection.turn is not None:
            moment = Moment.SELECTED_BUSY if is_busy else Moment.SELECTED
        else:
            moment = Moment.BUSY if is_busy else Moment.IDLE
        self._prompt.show_hint(hint_line(moment, self.keymap, self._prompt.size.width - 2))

    def flash_up(self, text: str, *, stays: bool = False) -> None:
        """Say something above the prompt, for a moment or until the next key.

        `stays`: for the moment, because it is no answer to what the user did last.
        """
        self._flash_stays = stays
        self._flash.update(Content(sanitize(self.keymap.in_force(text))))
        self._flash.display = True
        if self._flash_timer is not None:
            self._flash_timer.stop()
        self._flash_timer = self.set_timer(_FLASH_SECONDS, self._flash_down)

    async def _show_error(self, error: ModechatError) -> None:
        """Say what went wrong, where it stays."""
        from modechat.session.events import Trouble

        await self.transcript.add(Trouble(error.title, error.hint))

    def _flash_down(self) -> None:
        self._flash.display = False

    def _key_pressed(self) -> None:
        """What was said is not about what comes now."""
        if not self._flash_stays:
            self._flash_down()

    def _show_forecast(self) -> None:
        """Show what the text at the prompt will make of the context."""
        if self._session is not None:
            self._view.show_attached(self.composer.attached_size)

    def _keep_lines_readable(self, width: int) -> None:
        """In a wide window everything stands in the middle, and the scroll bar at the edge."""
        side = (width - _LONGEST_LINE) // 2
        beside = (self._news, self._flash, *self._prompt.neighbours, self._status)
        below: dict[Widget, int] = {self._prompt: side, **dict.fromkeys(beside, side + 1)}
        for widget, margin in below.items():
            if side <= 1:
                widget.styles.clear_rule("margin")
            else:
                widget.styles.margin = (0, margin)
        if self._has_rest and side <= 1:
            self.transcript.styles.clear_rule("padding")
        elif self._has_rest:
            above = 0 if self.app.has_class("-compact") else 1
            self.transcript.styles.padding = (above, side, 0, side)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        # A mouse press on Markdown that is just being replaced would crash the app (textual issue 6643).
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and widget.parent is None else (widget, offset)

    # What the user does

    async def action_act(self, action_id: str) -> None:
        """Do an action of the table, as its key does."""
        self._key_pressed()
        await self.mount_rest()
        handler = self.dispatcher.handler(action_id)
        if (
            handler is not None
        ):  # a key may mean more than the command: it is about what is at the prompt
            done = handler()
            if isawaitable(done):
                await done
        elif (work := self.dispatcher.work(action_id)) is not None:
            await self.context.do(work)

    def label_of(self, action: Action) -> str:
        """What an action is called now."""
        return self._prompting.label_of(action)

    async def begin_task(self, task: NamedTask) -> None:
        """Do a named task that was chosen elsewhere."""
        await self._prompting.begin_task(task)

    def is_awaiting(self) -> bool:
        return self._has_rest and self.context.is_in_dialogue

    def _selected_turn(self) -> int | None:
        return self.transcript.selection.turn_id

    def _submit(self, typed: Typed) -> None:
        if not typed.text.strip() and self.transcript.selection.turn is not None:
            self._messages.message_menu()
        else:
            self.composer.submit(typed)

    # Named as Textual calls them: the class of the messages is not imported before the first frame.

    def on_transcript_message_selected(self) -> None:
        self.show_hint()

    def on_transcript_code_clicked(self, message: Transcript.CodeClicked) -> None:
        self._messages.code_clicked(message.turn, message.number)

    def on_transcript_following(self, message: Transcript.Following) -> None:
        self._news.display = message.has_news
        self._news.update(
            Content(f"↓ new text below · {self.keymap.name('follow')}".removesuffix(" · "))
        )

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
