"""What the session tells, as lines: events come out one after the other, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from modechat.commands.end_notes import note_in_words
from modechat.commands.status import mode_sentence, model_sentence
from modechat.domain.conversation import Conversation, ModeChange, Turn
from modechat.domain.mode import ModeState
from modechat.domain.notices import notice
from modechat.domain.text import in_one_line, sanitize_line
from modechat.engine.protocol import ModelInfo
from modechat.plain.output import Output
from modechat.plain.reply_text import ReplyText
from modechat.plain.words import (
    as_commands,
    neutralised_note,
    percent,
    reply_label,
    shortened,
)
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
_SECONDS_BETWEEN_NEWS = 10.0
_TURNS_AT_START = 2
_TURNS_AT_ONCE = 5
_SHORTENED = 400
_LOG_LINES = 4


class PlainView:
    """Shows the events of a session on `output`. `clock` is monotonic, in seconds."""

    def __init__(self, output: Output, clock: Callable[[], float]) -> None:
        self._output = output
        self._clock = clock
        self._events: asyncio.Queue[SessionEvent] = asyncio.Queue()
        self._turn: Turn | None = None
        """The one whose reply is awaited or written."""
        self._text = ReplyText()
        self._has_begun = False
        self._thinks = False
        self._news_at = 0.0
        self._notes: tuple[str, ...] = ()
        self._conversation: Conversation | None = None
        self._first_shown = 0
        """How many turns of the conversation, from its beginning, were not shown in full."""

    def receive(self, event: SessionEvent) -> None:
        """Take an event; it is shown after those before it."""
        self._events.put_nowait(event)

    async def run(self) -> None:
        """Show what comes, until it is cancelled. Text of a reply may wait for its line's end, but not for long."""
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
        await self._events.join()

    def say(self, text: str) -> None:
        """The app's answer to something that the user did."""
        self._output.say(as_commands(text))

    def show_earlier(self) -> bool:
        """Show turns before those that were shown; whether there were any."""
        entries = self._entries_from(max(0, self._first_shown - _TURNS_AT_ONCE), self._first_shown)
        self._first_shown = max(0, self._first_shown - _TURNS_AT_ONCE)
        self._show_entries(entries)
        return bool(entries)

    def _show(self, event: SessionEvent) -> None:
        match event:
            case ReplyGrew(text=text, is_thinking=is_thinking):
                self._grow(text, is_thinking=is_thinking)
            case PromptEvaluated(fraction=fraction) if fraction < 1:
                self._tell_news(f"Reading the prompt: {percent(fraction)}.")
            case ModelLoading(fraction=fraction):
                self._tell_news(f"Loading the model: {percent(fraction)}.")
            case ModelReady(model=model):
                if self._output.tells_progress:
                    self._output.notice(model_sentence(model))
                self._show_notes(model)
            case FormatInUse(model=model):
                self._show_notes(model)
            case PhaseChanged(phase=phase):
                self._show_phase(phase)
            case ConversationOpened(conversation=conversation):
                self._show_conversation(conversation)
            case TurnAdded(turn=turn):
                self._begin(turn)
            case TurnReplaced(old_id=old_id, turn=turn):
                said = sanitize_line(turn.typed)
                self.say(
                    ("Going on with the reply to: " if turn.id == old_id else "Another reply to: ")
                    + said
                )
                self._begin(turn)
            case ModeChangeAdded(change=change) if (
                self._turn is None
            ):  # else it is shown again, below a variant
                self.say(notice(change.state))
            case ContextMoved(cut=cut, n_left_out=n_left_out):
                messages = f"{n_left_out} earlier message{'' if n_left_out == 1 else 's'}"
                if cut.summary:
                    self.say(f"A summary stands for {messages} now.")
                else:
                    self.say(f"The model does not see {messages} any more: the context is full.")
            case CompactionChanged(is_running=True):
                self.say("Summarising the chat. /stop gives it up.")
            case ReplyEnded(turn=turn):
                self._end(turn)
            case Remark(text=text):
                self._output.notice(as_commands(text))
            case Trouble() as trouble:
                self.show_trouble(trouble)
            case _:
                pass

    def show_trouble(self, trouble: Trouble) -> None:
        """What went wrong, what to do, and the engine's last log lines."""
        self._output.notice(as_commands(in_one_line(trouble.title, trouble.hint)))
        for line in trouble.details[-_LOG_LINES:]:
            self._output.notice(f"log: {sanitize_line(line)}")

    # Replies

    def _begin(self, turn: Turn) -> None:
        self._turn = turn
        self._text = ReplyText()
        self._has_begun = self._thinks = False
        self._news_at = self._clock() - _SECONDS_BETWEEN_NEWS / 2

    def _grow(self, text: str, *, is_thinking: bool) -> None:
        if is_thinking:
            if not self._thinks:
                self._thinks = True
                self.say("The model thinks. /thoughts shows what, afterwards.")
                self._news_at = self._clock()
            self._tell_news("The model still thinks.")
            return
        now = self._clock()
        self._text.feed(text, now)
        self._write_text(self._text.take(now))

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
        if note := note_in_words(turn.reply):
            self.say(note)
        if note := neutralised_note(turn.reply):
            self.say(note)

    # The model

    def _show_phase(self, phase: Phase) -> None:
        if phase is Phase.LOADING:
            self._news_at = self._clock()
            if self._output.tells_progress:
                self._output.notice("Loading the model.")
        elif phase is Phase.UNLOADED:
            self._output.notice(
                "The model's memory was given back. The next message loads it again."
            )

    def _show_notes(self, model: ModelInfo) -> None:
        """What the model notes is said once, as long as it stays the same."""
        for note in model.notes:
            if note not in self._notes:
                self._output.notice(as_commands(note))
        self._notes = model.notes

    def _tell_news(self, text: str) -> None:
        """Say how far something is, now and then, to those who watch."""
        now = self._clock()
        if self._output.tells_progress and now - self._news_at >= _SECONDS_BETWEEN_NEWS:
            self._news_at = now
            self._output.notice(text)

    # Conversations

    def _show_conversation(self, conversation: Conversation | None) -> None:
        self._turn = None
        self._conversation = conversation
        self._first_shown = 0
        if conversation is None:
            if self._output.tells_progress:
                self._output.notice("This is a new conversation.")
            return
        if not self._output.tells_progress:
            return
        n_turns = len(conversation.turns)
        title = sanitize_line(conversation.title) or "Without a title"
        turns = f"{n_turns} turn{'' if n_turns == 1 else 's'}"
        self._output.notice(f"This is conversation {conversation.id}, “{title}”, with {turns}.")
        if self._output.echoes:
            return
        self._first_shown = n_turns
        if n_turns:
            self._output.notice("Its end follows, shortened; /earlier shows all of it.")
        self._show_entries(
            self._entries_from(max(0, n_turns - _TURNS_AT_START), n_turns), _SHORTENED
        )
        if conversation.state != ModeState():
            self.say(mode_sentence(conversation.state))

    def _entries_from(self, first: int, end: int) -> list[Turn | ModeChange]:
        """The turns from the number `first` to before `end`, and the headers typed among them."""
        if self._conversation is None or first >= end:
            return []
        turns = self._conversation.turns[first:end]
        shown = {turn.id for turn in turns} | ({None} if first == 0 else set())
        return [
            entry
            for entry in self._conversation.entries
            if (entry.id if isinstance(entry, Turn) else entry.after_turn_id) in shown
        ]

    def _show_entries(
        self, entries: Iterable[Turn | ModeChange], longest: int | None = None
    ) -> None:
        """`longest`: how many characters of a text are shown."""
        for entry in entries:
            if isinstance(entry, ModeChange):
                self._output.line(f"You: {entry.typed.strip()}")
                self.say(notice(entry.state))
                continue
            self._output.line(f"You ({entry.mode}): {shortened(entry.typed.strip(), longest)}")
            if entry.reply.text:
                self._output.line(reply_label(entry.mode) + shortened(entry.reply.text, longest))
            if note := note_in_words(entry.reply):
                self.say(note)
