"""The chat screen: transcript, prompt, status line, and every action of the table.

What the user does goes up to the session, in the order of the keys; what the session tells comes down through
`session_view`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from modechat.domain.modes import Incomplete, Mode
from modechat.domain.text import sanitize
from modechat.errors import StoreError
from modechat.session.events import SessionEvent, Trouble
from modechat.tui.actions import BINDINGS, Action
from modechat.tui.commands import CommandQueue
from modechat.tui.screens.chat_commands import ChatCommands
from modechat.tui.screens.session_view import SessionView
from modechat.tui.slash import read_slash, without_escape
from modechat.tui.widgets.prompt import Prompt
from modechat.tui.widgets.status_line import StatusLine
from modechat.tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession

    Command: TypeAlias = Callable[[ChatSession], Awaitable[Incomplete | None]]

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
        self._view = SessionView(self._transcript, self._prompt, self._status, lambda: self._session, self.flash_up)
        self._about_prompts = ChatCommands(self)
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
        self._view.show_hint()
        self.run_worker(self._view.run(), name="session events")
        self.run_worker(self._commands.run(), name="commands")

    @property
    def prompt(self) -> Prompt:
        return self._prompt

    def connect(self, session: ChatSession) -> None:
        """From now on, act on `session`."""
        self._session = session

    def receive(self, event: SessionEvent) -> None:
        """Take an event of the session; it is shown after those before it."""
        self._view.receive(event)

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        # A mouse press on Markdown that is just being replaced would crash the app (textual issue 6643).
        widget, offset = super().get_widget_and_offset_at(x, y)
        return (None, None) if widget is not None and widget.parent is None else (widget, offset)

    def flash_up(self, text: str) -> None:
        """Say something for a moment, above the prompt."""
        self._flash.update(Content(sanitize(text)))
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
            self.flash_up("One moment: your conversations are being opened.")
        elif text.strip():
            self._prompt.clear()
            if (command := read_slash(text)) is not None:
                self._put(partial(self._about_prompts.run, command), typed=text)
            else:
                self._put(lambda session: session.send(without_escape(text)), typed=text)

    @on(Prompt.ModeTyped)
    def _mode_typed(self, message: Prompt.ModeTyped) -> None:
        self._status.update_status(mode=message.mode)

    @on(Prompt.TextTyped)
    def _text_typed(self) -> None:
        self._view.show_forecast()

    async def action_stop(self) -> None:
        await self._prompt.keys_are_handled()
        if self._session is None:
            return
        if self._commands.is_idle:
            await self._session.stop()
        else:
            self._commands.put(self._session.stop)  # what is to be stopped has not begun yet

    async def action_toggle_mode(self) -> None:
        await self.do(lambda session: session.toggle_mode())

    async def action_regenerate(self) -> None:
        await self.do(lambda session: session.regenerate())

    async def action_continue_reply(self) -> None:
        await self.do(lambda session: session.continue_reply())

    async def action_retry_with_less(self) -> None:
        await self.do(lambda session: session.retry_with_less())

    async def action_run_in_other_mode(self) -> None:
        await self.do(lambda session: session.run_in_other_mode())

    async def action_toggle_in_chat(self) -> None:
        await self.do(lambda session: session.toggle_in_chat())

    async def action_toggle_pin(self) -> None:
        await self.do(self._toggle_pin)

    async def _toggle_pin(self, session: ChatSession) -> Incomplete | None:
        reason = await session.toggle_pin()
        turns = session.conversation.turns if session.conversation is not None else ()
        last = next((turn for turn in reversed(turns) if turn.mode is Mode.CHAT), None)
        if reason is None and last is not None:  # its mark may be far above
            stays = "stays when the context is full" if last.pinned else "is not pinned any more"
            self.flash_up(f"The last chat turn {stays}.")
        return reason

    async def action_compact(self) -> None:
        await self.do(lambda session: session.compact())

    async def action_try_format(self) -> None:
        await self.do(self._about_prompts.try_format)

    def action_choose_format(self) -> None:
        self._talk(self._about_prompts.choose_format)

    async def action_choose_model(self) -> None:
        await self.do(self._about_prompts.tell_model)

    async def action_choose_adapters(self) -> None:
        await self.do(self._about_prompts.tell_adapters)

    def action_choose_task(self) -> None:
        self._talk(self._about_prompts.choose_task)

    async def begin_task(self, task: NamedTask) -> None:
        """Do a named task that was chosen elsewhere."""
        await self._about_prompts.begin_task(task)

    async def action_inspect(self) -> None:
        await self._prompt.keys_are_handled()
        if self._session is not None:
            self._about_prompts.inspect(self._session)

    async def action_toggle_thinking(self) -> None:
        await self.do(self._about_prompts.toggle_thinking)

    def action_toggle_thinking_view(self) -> None:
        if not self._transcript.toggle_thinking():
            self.flash_up("No reply here has thinking to show.")

    def label_of(self, action: Action) -> str:
        """What an action is called now."""
        return self._about_prompts.thinking_label(self._session) if action.id == "toggle_thinking" else action.label

    async def action_new_conversation(self) -> None:
        await self.do(lambda session: session.new_conversation())

    def action_conversations(self) -> None:
        self._talk(self._choose_conversation)

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
            self.flash_up("Sent to the clipboard, if the terminal allows it.")
        elif self._session is not None and self._session.is_busy:
            await self._session.stop()
        elif self._prompt.text:
            self._prompt.clear()
        else:
            self.flash_up("Ctrl+Q quits.")

    async def action_quit(self) -> None:
        await self.app.action_quit()

    async def do(self, command: Command) -> None:
        """Let the session do something, after what was asked before; say why if it did nothing."""
        await self._prompt.keys_are_handled()
        self._put(command)

    def _put(self, command: Command, typed: str = "") -> None:
        if self._session is not None:
            self._commands.put(partial(self._do_now, self._session, command, typed))

    async def _do_now(self, session: ChatSession, command: Command, typed: str) -> None:
        """If nothing is done, the user has back what was `typed`."""
        try:
            reason = await command(session)
        except StoreError as error:
            await self._transcript.add_trouble(Trouble(error.title, error.hint))
        else:
            if reason is None:
                return
            self.flash_up(reason.reason)
        if typed:
            self._prompt.restore(typed)

    def _talk(self, dialogue: Callable[[ChatSession], Awaitable[None]]) -> None:
        """Ask the user something on a screen of its own."""
        if self._session is not None:
            self.run_worker(dialogue(self._session), group="dialogue", exclusive=True)

    async def _choose_conversation(self, session: ChatSession) -> None:
        from modechat.tui.screens.conversations import ConversationsScreen, Delete, Open

        try:
            summaries = await session.summaries()
        except StoreError as error:
            await self._transcript.add_trouble(Trouble(error.title, error.hint))
            return
        open_id = session.conversation.id if session.conversation is not None else None
        match await self.app.push_screen_wait(ConversationsScreen(summaries, open_id, lambda: datetime.now(UTC))):
            case Open(conversation_id=chosen) if chosen != open_id:
                await self.do(lambda session: session.open(chosen))
            case Delete(conversation_id=chosen):
                await self.do(lambda session: session.delete(chosen))
            case _:
                pass
