"""Shows the session's events as lines, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from modechat.commands.background import BackgroundTasks
from modechat.commands.end_notes import note_in_words
from modechat.commands.status import model_sentence
from modechat.domain.conversation import Turn
from modechat.domain.counted import counted
from modechat.domain.notices import notice
from modechat.domain.text import in_one_line, sanitize_line
from modechat.engine.protocol import ModelInfo
from modechat.plain.conversation_lines import ConversationLines
from modechat.plain.output import Output
from modechat.plain.reply_text import ReplyText
from modechat.plain.words import neutralised_note, percent, reply_label
from modechat.session.events import (
    CompactionChanged,
    ContextMoved,
    ConversationOpened,
    FormatInUse,
    ModeChangeAdded,
    ModelLoading,
    ModelReady,
    PhaseChanged,
    PromptEvaluated,
    Remark,
    ReplyEnded,
    ReplyGrew,
    SessionEvent,
    Trouble,
    TurnAdded,
    TurnReplaced,
)
from modechat.session.phase import Phase

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_BETWEEN_PROGRESS = 10.0
_LOG_LINES = 4


class PlainView:
    """Shows the events of a session on `output`. `clock` is monotonic, in seconds."""

    def __init__(self, output: Output, clock: Callable[[], float]) -> None:
        self._output = output
        self._clock = clock
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self._showing: asyncio.Task[None] | None = None
        self._conversation = ConversationLines(output)
        self._turn: Turn | None = None
        """The turn whose reply is awaited or written."""
        self._text = ReplyText()
        self._has_begun = False
        self._thinks = False
        self._progress_at = 0.0
        """The time at which progress was shown last."""
        self._notes: tuple[str, ...] = ()

    def receive(self, event: SessionEvent) -> None:
        """Show an event after those before it."""
        self._events.put_nowait(event)

    def start(self, tasks: BackgroundTasks) -> asyncio.Task[None]:
        """Show the received events in a task, until it is cancelled."""
        self._showing = tasks.begin(self._run())
        return self._showing

    async def _run(self) -> None:
        """Show events. Text of a reply may wait for the end of its line, but not for long."""
        while True:
            event = None
            with contextlib.suppress(TimeoutError):
                limit = _SECONDS_BETWEEN_LOOKS if self._turn is not None else None
                event = await asyncio.wait_for(self._events.get(), limit)
            if event is None:
                self._write_text(self._text.take(self._clock()))
                continue
            try:
                self._show(event)
            finally:
                self._events.task_done()

    async def all_is_shown(self) -> None:
        """Wait until all received events are shown, or the task that shows them fails."""
        assert self._showing is not None
        shown = asyncio.create_task(self._events.join())
        await asyncio.wait({shown, self._showing}, return_when=asyncio.FIRST_COMPLETED)
        shown.cancel()

    def say(self, text: str) -> None:
        """Answer an input of the user."""
        self._output.say(text)

    def show_earlier(self) -> bool:
        """Show some turns before those that were shown; return False if there are none."""
        return self._conversation.show_earlier()

    def show_trouble(self, trouble: Trouble) -> None:
        """Show the problem with its remedy, and the engine's last log lines."""
        self._output.notice(in_one_line(trouble.title, trouble.hint))
        for line in trouble.details[-_LOG_LINES:]:
            self._output.notice(f"log: {sanitize_line(line)}")

    def _show(self, event: SessionEvent) -> None:
        match event:
            case ReplyGrew() | TurnAdded() | TurnReplaced() | ReplyEnded():
                self._show_reply_event(event)
            case PromptEvaluated() | ModelLoading() | ModelReady() | FormatInUse():
                self._show_model_event(event)
            case PhaseChanged(phase=phase):
                self._show_phase(phase)
            case ConversationOpened(conversation=conversation):
                self._turn = None
                self._conversation.open(conversation)
            case ModeChangeAdded(change=change):
                if self._turn is None:  # otherwise it is shown again, below a variant
                    self.say(notice(change.state))
            case ContextMoved() | CompactionChanged(is_running=True):
                self._show_context_event(event)
            case Remark(text=text):
                self._output.notice(text)
            case Trouble() as trouble:
                self.show_trouble(trouble)
            case _:
                pass

    # Replies

    def _show_reply_event(self, event: ReplyGrew | TurnAdded | TurnReplaced | ReplyEnded) -> None:
        match event:
            case ReplyGrew(text=text, is_thinking=True):
                self._show_thinking()
            case ReplyGrew(text=text):
                now = self._clock()
                self._text.feed(text, now)
                self._write_text(self._text.take(now))
            case TurnAdded(turn=turn):
                self._begin(turn)
            case TurnReplaced(old_id=old_id, turn=turn):
                is_continued = turn.id == old_id
                what = "Going on with the reply to" if is_continued else "Another reply to"
                self.say(f"{what}: {sanitize_line(turn.typed)}")
                self._begin(turn)
            case ReplyEnded(turn=turn):
                self._end(turn)

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        self._text = ReplyText()
        self._has_begun = self._thinks = False
        self._progress_at = self._clock() - _SECONDS_BETWEEN_PROGRESS / 2

    def _show_thinking(self) -> None:
        if not self._thinks:
            self._thinks = True
            self.say("The model thinks. /thoughts shows what, afterwards.")
            self._progress_at = self._clock()
        self._show_progress("The model still thinks.")

    def _write_text(self, text: str) -> None:
        if text and self._turn is not None:
            if not self._has_begun:
                text = reply_label(self._turn.mode) + text.lstrip("\n")
            self._has_begun = True
            self._output.piece(text)

    def _end(self, turn: Turn) -> None:
        if self._turn is not None:
            self._write_text(self._text.finish())
            self._output.end_piece()
        self._turn = None
        for note in (note_in_words(turn.reply), neutralised_note(turn.reply)):
            if note:
                self.say(note)

    # The model

    def _show_model_event(
        self, event: PromptEvaluated | ModelLoading | ModelReady | FormatInUse
    ) -> None:
        match event:
            case PromptEvaluated(fraction=fraction):
                if fraction < 1:
                    self._show_progress(f"Reading the prompt: {percent(fraction)}.")
            case ModelLoading(fraction=fraction):
                self._show_progress(f"Loading the model: {percent(fraction)}.")
            case ModelReady(model=model):
                if self._output.shows_progress:
                    self._output.notice(model_sentence(model))
                self._show_notes(model)
            case FormatInUse(model=model):
                self._show_notes(model)

    def _show_phase(self, phase: Phase) -> None:
        if phase is Phase.LOADING:
            self._progress_at = self._clock()
            if self._output.shows_progress:
                self._output.notice("Loading the model.")
        elif phase is Phase.UNLOADED:
            self._output.notice(
                "The model's memory was given back. The next message loads it again."
            )

    def _show_notes(self, model: ModelInfo) -> None:
        """Show each note on the model once, as long as it stays the same."""
        for note in model.notes:
            if note not in self._notes:
                self._output.notice(note)
        self._notes = model.notes

    def _show_progress(self, text: str) -> None:
        """Show the progress now and then, if somebody watches."""
        now = self._clock()
        if self._output.shows_progress and now - self._progress_at >= _SECONDS_BETWEEN_PROGRESS:
            self._progress_at = now
            self._output.notice(text)

    # The context

    def _show_context_event(self, event: ContextMoved | CompactionChanged) -> None:
        if isinstance(event, CompactionChanged):
            self.say("Summarising the chat. /stop gives it up.")
            return
        messages = counted(event.n_left_out, "earlier message")
        if event.cut.summary:
            self.say(f"A summary stands for {messages} now.")
        else:
            self.say(f"The model does not see {messages} any more: the context is full.")
