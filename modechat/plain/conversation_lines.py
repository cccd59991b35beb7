"""Shows turns of an opened conversation: its end, and earlier turns."""

from __future__ import annotations

from collections.abc import Iterable

from modechat.commands.end_notes import note_in_words
from modechat.commands.status import mode_sentence
from modechat.domain.conversation import Conversation, ModeChange, Turn
from modechat.domain.counted import counted
from modechat.domain.mode import ModeState
from modechat.domain.notices import notice
from modechat.domain.titles import shown_title
from modechat.plain.output import Output
from modechat.plain.words import cut_between_words, reply_label

_TURNS_AT_START = 2
_TURNS_AT_ONCE = 5
_LONGEST_AT_START = 400  # characters


class ConversationLines:
    """Writes turns of the open conversation on `output`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._conversation: Conversation | None = None
        self._n_earlier = 0
        """The number of turns, from the beginning, that were not shown in full."""

    def open(self, conversation: Conversation | None) -> None:
        """Show the end of a conversation, shortened; None: a new one."""
        self._conversation = conversation
        self._n_earlier = 0
        if not self._output.shows_progress:
            return
        if conversation is None:
            self._output.notice("This is a new conversation.")
            return
        n_turns = len(conversation.turns)
        title = shown_title(conversation.title)
        turns = counted(n_turns, "turn")
        self._output.notice(f"This is conversation {conversation.id}, “{title}”, with {turns}.")
        if self._output.echoes:
            return
        self._n_earlier = n_turns
        if n_turns:
            self._output.notice("Its end follows, shortened; /earlier shows all of it.")
        first = max(0, n_turns - _TURNS_AT_START)
        self._show(self._entries(first, n_turns), _LONGEST_AT_START)
        if conversation.state != ModeState():
            self._output.say(mode_sentence(conversation.state))

    def show_earlier(self) -> bool:
        """Show some turns before those that were shown; return False if there are none."""
        first = max(0, self._n_earlier - _TURNS_AT_ONCE)
        entries = self._entries(first, self._n_earlier)
        self._n_earlier = first
        self._show(entries)
        return bool(entries)

    def _entries(self, first: int, end: int) -> list[Turn | ModeChange]:
        """Return the turns from the number `first` to before `end`, and the headers among them."""
        if self._conversation is None or first >= end:
            return []
        turn_ids: set[int | None] = {turn.id for turn in self._conversation.turns[first:end]}
        if first == 0:
            turn_ids.add(None)  # headers before the first turn
        found = []
        for entry in self._conversation.entries:
            turn_id = entry.id if isinstance(entry, Turn) else entry.after_turn_id
            if turn_id in turn_ids:
                found.append(entry)
        return found

    def _show(self, entries: Iterable[Turn | ModeChange], longest: int | None = None) -> None:
        """Show entries, with at most `longest` characters of each text."""
        for entry in entries:
            if isinstance(entry, ModeChange):
                self._output.line(f"You: {entry.typed.strip()}")
                self._output.say(notice(entry.state))
                continue
            self._output.line(
                f"You ({entry.mode}): {cut_between_words(entry.typed.strip(), longest)}"
            )
            if entry.reply.text:
                self._output.line(
                    reply_label(entry.mode) + cut_between_words(entry.reply.text, longest)
                )
            if note := note_in_words(entry.reply):
                self._output.say(note)
