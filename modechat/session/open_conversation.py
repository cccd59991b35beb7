"""The open conversation as it is shown: its turns, its mode and its own settings."""

from __future__ import annotations

from dataclasses import replace

from modechat.domain.context import n_left_out
from modechat.domain.conversation import (
    ContextCut,
    Conversation,
    ModeChange,
    ReplyState,
    Turn,
)
from modechat.domain.mode import Mode, ModeState
from modechat.domain.own_settings import OwnSettings


class OpenConversation:
    """The state of the open conversation. It begins as a new conversation that is not saved yet."""

    def __init__(self) -> None:
        self._conversation: Conversation | None = None
        self._state = ModeState()
        self._own = OwnSettings()

    @property
    def conversation(self) -> Conversation | None:
        """The open conversation; None: a new one that is not saved yet."""
        return self._conversation

    @property
    def state(self) -> ModeState:
        return self._state

    @property
    def own(self) -> OwnSettings:
        """The settings that belong to the open conversation."""
        return self._own

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The visible turns of the open conversation, oldest first."""
        return self._conversation.turns if self._conversation is not None else ()

    @property
    def last_turn(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def turn(self, turn_id: int | None) -> Turn | None:
        """Return the visible turn with this id, or None."""
        return next((turn for turn in self.turns if turn.id == turn_id), None)

    @property
    def n_left_out(self) -> int:
        """The number of messages that have left the context."""
        if self._conversation is None:
            return 0
        return n_left_out(self._conversation.cut, self._conversation.turns)

    def last_turn_in(self, mode: Mode, *, answered: bool = False) -> Turn | None:
        """Return the last turn in this mode, or None.

        If `answered`, a turn whose reply failed before it began does not count.
        """
        for turn in reversed(self.turns):
            if turn.mode is mode and not (answered and _failed(turn)):
                return turn
        return None

    # A change always starts from the current conversation: a reply may have been saved while a
    # method waited for the disk.

    def _show(self, conversation: Conversation | None) -> None:
        """Show another conversation; None: a new one."""
        self._conversation = conversation
        self._state = conversation.state if conversation is not None else ModeState()
        self._own = OwnSettings()
        if conversation is not None and conversation.own is not None:
            self._own = conversation.own

    def _show_title(self, title: str) -> None:
        if self._conversation is not None:
            self._conversation = replace(self._conversation, title=title)

    def _show_cut(self, cut: ContextCut) -> None:
        if self._conversation is not None:
            self._conversation = replace(self._conversation, cut=cut)

    def _show_entry(self, entry: Turn | ModeChange) -> None:
        if self._conversation is not None:
            self._conversation = self._conversation.with_entry(entry)

    def _show_entries(self, entries: tuple[Turn | ModeChange, ...]) -> None:
        if self._conversation is not None:
            self._conversation = replace(self._conversation, entries=entries)

    def _show_turn(self, turn: Turn) -> None:
        """Show the changed turn in place of the turn with the same id."""
        if self._conversation is not None:
            self._conversation = self._conversation.with_turn(turn)


def _failed(turn: Turn) -> bool:
    return turn.reply.state is ReplyState.FAILED and not turn.reply.text
