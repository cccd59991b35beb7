"""The chat screen: transcript, prompt, status line, and every action of the table.

Session events come down through `show`; what the user does goes up to the session. Events are shown one after the
other, in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.modes import Incomplete
from modechat.errors import StoreError
from modechat.session.events import (
    ConversationOpened,
    ModeChangeAdded,
    ModeChanged,
    ModelLoading,
    ModelReady,
    PhaseChanged,
    PromptEvaluated,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    Trouble,
    TurnAdded,
    TurnChanged,
    TurnReplaced,
)
from modechat.session.phase import Phase
from modechat.tui.actions import BINDINGS
from modechat.tui.commands import CommandQueue
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.status_line import StatusLine
from modechat.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_FLASH_SECONDS = 4.0


class ChatScreen(Screen[None]):
    """`connect` gives it its session; until then it only takes text."""

    BINDINGS: ClassVar[list[BindingType]] = BINDINGS

    def __init__(self) -> None:
        super().__init__()
        self._session: ChatSession | None = None
        self._transcript = Transcript()
        self._flash = Static(id="flash")
        self._prompt = Prompt(self._submit)
        self._commands = CommandQueue()
        self._status = StatusLine()
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self._flash_timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._transcript
        yield self._flash
        yield self._prompt
        yield self._status
        yield Static(Content("Please make the window larger."), id="too-small")

    def on_mount(self) -> None:
        self._flash.display = False
        self._prompt.area.focus()
        self._show_hint()
        self.run_worker(self._show_events(), name="session events")
        self.run_worker(self._commands.run(), name="commands")

    def connect(self, session: ChatSession) -> None:
        """From now on, act on `session`."""
        self._session = session

    def receive(self, event: SessionEvent) -> None:
        """Take an event of the session; it is shown after those before it."""
        self._events.put_nowait(event)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        # A mouse press on Markdown that is just being replaced would crash the app (textual issue 6643).
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and widget.parent is None else (widget, offset)

    # Session events

    async def _show_events(self) -> None:
        while True:
            await self._show(await self._events.get())

    async def _show(self, event: SessionEvent) -> None:
        match event:
            case ReplyGrew(turn_id=turn_id, text=text):
                if view := self._transcript.turn(turn_id):
                    view.reply.feed(text)
                self._status.update_status(activity="writing")
            case PromptEvaluated(turn_id=turn_id, fraction=fraction):
                self._show_activity(turn_id, f"Reading the prompt · {fraction:.0%}" if fraction < 1 else "…")
            case ModelLoading(fraction=fraction):
                self._status.update_status(loading=fraction)
                self._show_waiting(f"Waiting for the model · {fraction:.0%}")
            case ModelReady(model=model):
                self._status.update_status(model=model, loading=None, is_down=False)
                if model.notes:
                    self._flash_up("\n".join(model.notes))
            case PhaseChanged(phase=phase):
                self._status.update_status(is_down=phase is Phase.DOWN, loading=0.0 if phase is Phase.LOADING else None)
                self._show_hint()
            case ModeChanged(state=state):
                self._prompt.show_state(state)
                self._status.update_status(mode=state.mode)
            case ConversationOpened(conversation=conversation):
                await self._transcript.show(conversation)
                last = conversation.last_turn if conversation is not None else None
                self._status.update_status(stats=last.reply.stats if last is not None else None, activity="")
            case TurnAdded(turn=turn):
                await self._transcript.add_turn(turn)
                self._show_hint()
            case TurnReplaced(old_id=old_id, turn=turn):
                await self._transcript.replace_turn(old_id, turn)
                self._show_hint()
            case ModeChangeAdded(change=change):
                await self._transcript.add_mode_change(change)
            case TurnChanged(turn=turn):
                if view := self._transcript.turn(turn.id):
                    view.update_turn(turn)
            case ReplyEnded(turn=turn):
                if view := self._transcript.turn(turn.id):
                    view.reply.finish(turn.reply)
                self._status.update_status(activity="", stats=turn.reply.stats or self._status.status.stats)
                self._show_hint()
            case Trouble() as trouble:
                await self._transcript.add_trouble(trouble)

    def _show_activity(self, turn_id: int, text: str) -> None:
        if view := self._transcript.turn(turn_id):
            view.reply.show_activity(text)
        self._status.update_status(activity=text if text != "…" else "thinking")

    def _show_waiting(self, text: str) -> None:
        conversation = self._session.conversation if self._session is not None else None
        turn = conversation.last_turn if conversation is not None else None
        if turn is not None and (view := self._transcript.turn(turn.id)):
            view.reply.show_activity(text)

    def _show_hint(self) -> None:
        busy = self._session is not None and self._session.is_busy
        self._prompt.show_hint("Esc stops" if busy else "Enter sends · Shift+Tab mode · F1 help")

    def _flash_up(self, text: str) -> None:
        """Say something for a moment, above the prompt."""
        self._flash.update(Content(text))
        self._flash.display = True
        if self._flash_timer is not None:
            self._flash_timer.stop()
        self._flash_timer = self.set_timer(_FLASH_SECONDS, self._flash_down)

    def _flash_down(self) -> None:
        self._flash.display = False

    # What the user does

    async def finish(self) -> None:
        """Wait until everything is done that the user asked for before."""
        await self._prompt.keys_are_handled()
        await self._commands.finish()

    def _submit(self, text: str) -> None:
        if self._session is None:
            self._flash_up("One moment: your conversations are being opened.")
        elif text.strip():
            self._prompt.clear()
            self._commands.put(partial(self._send, self._session, text))

    async def _send(self, session: ChatSession, text: str) -> None:
        try:
            reason = await session.send(text)
        except StoreError as error:
            await self._transcript.add_trouble(Trouble(error.title, error.hint))
        else:
            if reason is None:
                return
            self._flash_up(reason.reason)
        self._prompt.restore(text)

    @on(Prompt.ModeTyped)
    def _mode_typed(self, message: Prompt.ModeTyped) -> None:
        self._status.update_status(mode=message.mode)

    async def action_stop(self) -> None:
        await self._prompt.keys_are_handled()
        if self._session is None:
            return
        if self._commands.is_idle:
            await self._session.stop()
        else:
            self._commands.put(self._session.stop)  # what is to be stopped has not begun yet

    async def action_toggle_mode(self) -> None:
        await self._do(lambda session: session.toggle_mode())

    async def action_regenerate(self) -> None:
        await self._do(lambda session: session.regenerate())

    async def action_run_in_other_mode(self) -> None:
        await self._do(lambda session: session.run_in_other_mode())

    async def action_toggle_in_chat(self) -> None:
        await self._do(lambda session: session.toggle_in_chat())

    async def action_new_conversation(self) -> None:
        await self._do(lambda session: session.new_conversation())

    def action_conversations(self) -> None:
        self.run_worker(self._choose_conversation(), group="conversations", exclusive=True)

    async def action_scroll_back(self) -> None:
        await self._transcript.page_up()

    def action_scroll_forward(self) -> None:
        self._transcript.page_down()

    def action_follow(self) -> None:
        self._transcript.follow()

    def action_help(self) -> None:
        from modechat.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen())

    async def action_interrupt(self) -> None:
        """Copy what is selected; else stop the reply; else clear the prompt; else say how to quit."""
        if selected := self.get_selected_text() or self._prompt.area.selected_text:
            self.app.copy_to_clipboard(selected)
            self._flash_up("Sent to the clipboard, if the terminal allows it.")
        elif self._session is not None and self._session.is_busy:
            await self._session.stop()
        elif self._prompt.text:
            self._prompt.clear()
        else:
            self._flash_up("Ctrl+Q quits.")

    async def action_quit(self) -> None:
        await self.app.action_quit()

    async def _do(self, command: Callable[[ChatSession], Awaitable[Incomplete | None]]) -> None:
        """Let the session do something, after what was asked before; say why if it did nothing."""
        await self._prompt.keys_are_handled()
        if self._session is not None:
            self._commands.put(partial(self._do_now, self._session, command))

    async def _do_now(
        self, session: ChatSession, command: Callable[[ChatSession], Awaitable[Incomplete | None]]
    ) -> None:
        try:
            reason = await command(session)
        except StoreError as error:
            await self._transcript.add_trouble(Trouble(error.title, error.hint))
            return
        if reason is not None:
            self._flash_up(reason.reason)

    async def _choose_conversation(self) -> None:
        from modechat.tui.screens.conversations import ConversationsScreen, Delete, Open

        session = self._session
        if session is None:
            return
        try:
            summaries = await session.summaries()
        except StoreError as error:
            await self._transcript.add_trouble(Trouble(error.title, error.hint))
            return
        open_id = session.conversation.id if session.conversation is not None else None
        match await self.app.push_screen_wait(ConversationsScreen(summaries, open_id, lambda: datetime.now(UTC))):
            case Open(conversation_id=chosen) if chosen != open_id:
                await self._do(lambda session: session.open(chosen))
            case Delete(conversation_id=chosen):
                await self._do(lambda session: session.delete(chosen))
            case _:
                pass
