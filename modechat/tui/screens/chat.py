"""The chat screen: transcript, prompt, status line, and every action of the table.

What the user does goes up to the session, in the order of the keys; what the session tells comes down through
`session_view`. The first frame has the prompt and an empty timeline; `mount_rest` brings the rest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property, partial
from inspect import isawaitable
from typing import TYPE_CHECKING, TypeAlias

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import NoActiveWorker, get_current_worker

from modechat.commands.actions import Moment
from modechat.commands.hints import hint_line
from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap
from modechat.domain.text import sanitize
from modechat.errors import ModechatError, StoreError
from modechat.tui.bindings import ActionHandlers, bind_actions
from modechat.tui.command_queue import CommandQueue
from modechat.tui.screens.steady import SteadyScreen
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from datetime import datetime

    from modechat.commands.actions import Action
    from modechat.commands.slash import SlashCommand
    from modechat.domain.modes import Incomplete
    from modechat.domain.typed import Typed
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.session.events import SessionEvent, Trouble
    from modechat.tui.composer import Composer
    from modechat.tui.handlers.messages import MessageActions
    from modechat.tui.handlers.prompting import PromptingActions
    from modechat.tui.screens.session_view import SessionView
    from modechat.tui.widgets.transcript import Transcript

    Command: TypeAlias = Callable[[ChatSession], Awaitable[Incomplete | None]]

_FLASH_SECONDS = 4.0
_DIALOGUE = "dialogue"
_LONGEST_LINE = 112
"""Cells of a line of the conversation with its frame: longer ones are hard to read."""


class ChatScreen(SteadyScreen[None], Screen[None]):
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
        self._commands = CommandQueue()
        self._status = StatusLine()
        self._news = Static(id="news")
        self._flash_timer: Timer | None = None
        self._n_dialogues = 0
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
        self.run_worker(self._commands.run(), name="commands")

    def on_resize(self, event: events.Resize) -> None:
        self._keep_lines_readable(event.size.width)
        self.show_hint()

    async def mount_rest(self) -> None:
        """Mount what the first frame did not need: the transcript, and who shows events and does actions."""
        if not self._has_rest:
            self._has_rest = True
            await self._timeline.mount(self._transcript)
            self._keep_lines_readable(self.size.width)
            self.run_worker(self._view.run(), name="session events")

    @cached_property
    def _transcript(self) -> Transcript:
        from modechat.tui.widgets.transcript import Transcript

        return Transcript()

    @cached_property
    def composer(self) -> Composer:
        from modechat.tui.composer import Composer

        return Composer(self)

    @cached_property
    def _view(self) -> SessionView:
        from modechat.tui.screens.session_view import SessionView

        return SessionView(
            *(self._transcript, self._prompt, self._status),
            session=lambda: self._session,
            flash_up=self.flash_up,
            announce=partial(self.flash_up, stays=True),
            show_hint=self.show_hint,
            keymap=self.keymap,
        )

    @cached_property
    def _prompting(self) -> PromptingActions:
        from modechat.tui.handlers.prompting import PromptingActions

        return PromptingActions(self)

    @cached_property
    def handlers(self) -> ActionHandlers:
        from modechat.tui.handlers.comparing import ComparingActions
        from modechat.tui.handlers.composing import ComposingActions
        from modechat.tui.handlers.conversations import ConversationActions
        from modechat.tui.handlers.program import ProgramActions
        from modechat.tui.handlers.replies import ReplyActions
        from modechat.tui.handlers.screens import ScreenActions
        from modechat.tui.handlers.view import ViewActions

        return ActionHandlers(
            self._prompting,
            ComposingActions(self),
            ReplyActions(self),
            self._messages,
            ComparingActions(self),
            ConversationActions(self),
            ScreenActions(self),
            ViewActions(self),
            ProgramActions(self),
        )

    @cached_property
    def _messages(self) -> MessageActions:
        from modechat.tui.handlers.messages import MessageActions

        return MessageActions(self)

    def show_hint(self) -> None:
        """What the keys do at the moment."""
        is_busy = self._session is not None and self._session.is_busy
        is_selected = self._has_rest and self._transcript.selection.turn is not None
        if is_selected:
            moment = Moment.SELECTED_BUSY if is_busy else Moment.SELECTED
        else:
            moment = Moment.BUSY if is_busy else Moment.IDLE
        self._prompt.show_hint(hint_line(moment, self.keymap, self._prompt.size.width - 2))

    def _keep_lines_readable(self, width: int) -> None:
        """In a wide window everything stands in the middle, and the scroll bar at the edge."""
        side = (width - _LONGEST_LINE) // 2
        beside = (self._news, self._flash, *self._prompt.neighbours, self._status)
        below: dict[Widget, int] = {self._prompt: side, **dict.fromkeys(beside, side + 1)}
        if side <= 1:
            for widget in below:
                widget.styles.clear_rule("margin")
            if self._has_rest:
                self._transcript.styles.clear_rule("padding")
        else:
            if self._has_rest:
                self._transcript.styles.padding = (
                    0 if self.app.has_class("-compact") else 1,
                    side,
                    0,
                    side,
                )
            for widget, margin in below.items():
                widget.styles.margin = (0, margin)

    @property
    def prompt(self) -> Prompt:
        return self._prompt

    @property
    def transcript(self) -> Transcript:
        return self._transcript

    @property
    def troubles(self) -> Sequence[tuple[datetime, Trouble]]:
        """What went wrong since the start, oldest first."""
        return self._view.troubles

    @property
    def session(self) -> ChatSession | None:
        """None until the store is open."""
        return self._session

    def connect(self, session: ChatSession) -> None:
        """From now on, act on `session`."""
        self._session = session
        self.composer.connect(session)
        self._prompting.connect(session)

    def receive(self, event: SessionEvent) -> None:
        """Take an event of the session; it is shown after those before it."""
        self._view.receive(event)
        self.composer.receive(event)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        # A mouse press on Markdown that is just being replaced would crash the app (textual issue 6643).
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and widget.parent is None else (widget, offset)

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

    async def show_trouble(self, error: ModechatError) -> None:
        """Say what went wrong, where it stays."""
        from modechat.session.events import Trouble

        await self._transcript.add(Trouble(error.title, error.hint))

    def _flash_down(self) -> None:
        self._flash.display = False

    def _key_pressed(self) -> None:
        """What was said is not about what comes now."""
        if not self._flash_stays:
            self._flash_down()

    # What the user does

    async def finish(self) -> None:
        """Wait until everything is done that the user asked for before."""
        await self._prompt.keys_are_handled()
        await self._commands.finish()
        await self.composer.drafts.save()

    def _submit(self, typed: Typed) -> None:
        if not typed.text.strip() and self._transcript.selection.turn is not None:
            self._messages.message_menu()
        else:
            self.composer.submit(typed)

    async def run_typed(self, command: SlashCommand, session: ChatSession) -> Incomplete | None:
        """Do a command that was typed."""
        return await self._prompting.run(command, session)

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
        self._transcript.follow()

    @on(Prompt.ModeTyped)
    def _mode_typed(self, message: Prompt.ModeTyped) -> None:
        self._status.update_status(mode=message.mode)

    @on(Prompt.TextTyped)
    def _text_typed(self) -> None:
        self.composer.text_changed()
        self.show_forecast()

    def show_forecast(self) -> None:
        """What the text at the prompt will make of the context."""
        if self._session is not None:
            self._view.show_attached(self.composer.attached_size)

    async def action_act(self, action_id: str) -> None:
        """Do an action of the table."""
        self._key_pressed()
        await self.mount_rest()
        done = self.handlers[action_id]()
        if isawaitable(done):
            await done

    def label_of(self, action: Action) -> str:
        """What an action is called now."""
        return (
            self._prompting.thinking_label(self._session)
            if action.id == "toggle_thinking"
            else action.label
        )

    async def stop(self) -> None:
        """Stop the reply, or what was asked for and has not begun yet. What is queued comes back to the prompt."""
        await self._prompt.keys_are_handled()
        if self._prompt.dismiss() or self.composer.end_editing() or self._session is None:
            return
        if not self._session.is_busy and self._transcript.selection.clear():
            return
        self.composer.take_back()
        if self._commands.is_idle:
            await self._session.stop()
        else:
            self._commands.put(self._session.stop)

    async def begin_task(self, task: NamedTask) -> None:
        """Do a named task that was chosen elsewhere."""
        await self._prompting.begin_task(task)

    async def do(self, command: Command) -> None:
        """Let the session do something, after what was asked before; say why if it did nothing."""
        await self._prompt.keys_are_handled()
        self.put(command)

    def put(self, command: Command) -> None:
        """As `do`, when the keys before are known to be handled."""
        if self._session is not None:
            self._commands.put(partial(self._do_now, self._session, command))

    async def _do_now(self, session: ChatSession, command: Command) -> None:
        try:
            reason = await command(session)
        except StoreError as error:
            await self.show_trouble(error)
        else:
            if reason is not None:
                self.flash_up(reason.reason)

    def talk(self, dialogue: Callable[[ChatSession], Awaitable[None]]) -> None:
        """Ask the user something on a screen of its own, unless that goes on. An answer may lead to more."""
        if self._session is not None and (not self.is_awaiting() or _is_in_dialogue()):
            self._n_dialogues += 1
            self.run_worker(self._talk(dialogue, self._session), group=_DIALOGUE)

    async def _talk(
        self, dialogue: Callable[[ChatSession], Awaitable[None]], session: ChatSession
    ) -> None:
        try:
            await dialogue(session)
        finally:
            self._n_dialogues -= 1

    def is_awaiting(self) -> bool:
        """Whether the user is being asked something, or what was answered has not been done yet."""
        return self._n_dialogues > 0


def _is_in_dialogue() -> bool:
    try:
        return get_current_worker().group == _DIALOGUE
    except NoActiveWorker:
        return False
