"""The messages that were submitted and that the session has not accepted yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from modechat.commands.requests import Meaning
from modechat.commands.slash import SlashCommand
from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Switch, Task
from modechat.domain.typed import Typed

_HEADERS = tuple(Switch(ModeState(mode)) for mode in Mode)


@dataclass(eq=False, slots=True)
class Message:
    """A submitted text: a message or a command."""

    typed: Typed
    edits: int | None = None
    """The turn whose message it replaces."""
    meaning: Meaning | None = None
    """The parsed request; None before it is parsed."""
    text: Typed = field(default_factory=Typed)
    """The message with the texts of its files; empty before it is parsed."""

    @property
    def is_kept(self) -> bool:
        """True if it can be recalled later.

        That is false for a header alone, and for the command that lists the sent texts.
        """
        if isinstance(self.meaning, SlashCommand):
            return self.meaning.action.id != "search_history"
        return self.meaning not in _HEADERS

    @property
    def can_be_mended(self) -> bool:
        """True if the user may change it and send it again after it was refused.

        That is false only for a command without words.
        """
        return not isinstance(self.meaning, SlashCommand) or bool(self.meaning.words)

    @property
    def asks_model(self) -> bool:
        """True for a message that makes a turn."""
        return isinstance(self.meaning, ChatMessage | Task)


class UnsentMessages:
    """The messages in the order of submission. Some wait for the end of a reply."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._waiting: list[Message] = []
        self.current: Message | None = None
        """The message that is being sent."""

    def __contains__(self, message: Message) -> bool:
        return message in self._messages

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(self._messages)

    @property
    def waiting(self) -> tuple[Typed, ...]:
        """The messages that wait for the end of a reply."""
        return tuple(message.typed for message in self._waiting)

    @property
    def first_waiting(self) -> Message | None:
        return self._waiting[0] if self._waiting else None

    @property
    def is_doing_command(self) -> bool:
        """True while a typed command runs."""
        return self.current is not None and isinstance(self.current.meaning, SlashCommand)

    @property
    def not_accepted(self) -> list[Typed]:
        """The texts that the session has not accepted, without a running command."""
        found = []
        for message in self._messages:
            if message is not self.current or not self.is_doing_command:
                found.append(message.typed)
        return found

    def add(self, message: Message) -> None:
        self._messages.append(message)

    def remove(self, message: Message) -> None:
        self._messages.remove(message)

    def set_waiting(self, message: Message, *, waits: bool) -> None:
        """Record whether a message waits for the end of a reply."""
        if waits and message not in self._waiting:
            self._waiting.append(message)
        elif not waits and message in self._waiting:
            self._waiting.remove(message)

    def take_back(self) -> tuple[Typed, ...]:
        """Forget the waiting messages, and return them."""
        waiting, taken = self.waiting, self._waiting
        self._waiting = []
        self._messages = [message for message in self._messages if message not in taken]
        return waiting
