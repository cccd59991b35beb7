"""The values of a conversation: its turns on one timeline, and the messages for the model.

Turns form a tree: a turn that was regenerated or run in the other mode is a sibling of the first
one. The visible timeline is the path from the root to the conversation's newest leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task

if TYPE_CHECKING:  # the first frame does not need pydantic
    from modechat.domain.own_settings import OwnSettings


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ReplyState(StrEnum):
    """The state of a reply. Only the first two states can change."""

    WAITING = "waiting"
    """The message was sent, and nothing has arrived yet."""
    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """The user stopped it; the text so far is kept."""
    INTERRUPTED = "interrupted"
    """The program or the engine ended before it was complete; the text so far is kept."""
    FAILED = "failed"
    """The engine could not answer; `error` gives the reason."""

    @property
    def is_final(self) -> bool:
        return self not in (ReplyState.WAITING, ReplyState.STREAMING)


class StopReason(StrEnum):
    """The reason for the end of a reply."""

    END = "end"
    """The model ended it with an end token."""
    STOP_STRING = "stop_string"
    LENGTH = "length"
    """`max_tokens` cut it."""
    CONTEXT = "context"
    """The context is full."""
    STOPPED = "stopped"
    """The user stopped it."""
    LEAK = "leak"
    """The model began to write another role's turn: a sign of a wrong prompt format."""
    REPEATS = "repeats"
    """The model repeated the same text again and again (`modechat.domain.repetition`)."""


@dataclass(frozen=True, slots=True)
class ReplyStats:
    """Figures of one reply. Counts are tokens."""

    format: str
    format_source: str
    prompt_tokens: int
    reused_tokens: int
    """Tokens of the prompt that were still in the KV cache."""
    completion_tokens: int
    seconds_to_first_token: float
    tokens_per_second: float
    seed: int
    fallback: str = ""
    """The format's adjustment to this conversation (`modechat.prompting.fallbacks`)."""
    refusal: str = ""
    """The template's reason to refuse, after which a named format replaced it; empty: none."""
    neutralised: tuple[str, ...] = ()
    """The texts of control tokens in the user's message that were sent as plain text."""
    thinking_tokens: int = 0
    """Tokens of the completion that are thinking."""
    leak: str = ""
    """The other role's marker at which the reply was stopped."""
    evaluated_tokens: int = 0
    """Tokens that were computed for this reply: the new ones of the prompt, and the reply's own."""
    restored_tokens: int = 0
    """Reused tokens that came from disk."""
    drafted_tokens: int = 0
    """Tokens that were guessed and checked together (speculative decoding)."""
    accepted_tokens: int = 0
    """Guessed tokens that were right."""
    repeated: int = 0
    """Characters at the end of the reply, or else of its thinking, left out as repetition."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The model's answer. `text` is stored stripped and includes the prefill."""

    text: str = ""
    state: ReplyState = ReplyState.WAITING
    stop_reason: StopReason | None = None
    error: str = ""
    model: str = ""
    stats: ReplyStats | None = None
    thinking: str = ""
    """The stripped text that a reasoning model thought before it answered."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message and the reply to it. `typed` is the message as the user wrote it."""

    id: int
    parent_id: int | None
    typed: str
    request: ChatMessage | Task
    created_at: datetime
    in_chat: bool
    """True if it is in the chat's context. An instruct turn is there only if the user added it."""
    reply: Reply = field(default_factory=Reply)
    pinned: bool = False
    """True if the turn stays in the context when the context is full."""
    variant: int = 1
    """Its place, from 1, among the turns for the same message, by age."""
    n_variants: int = 1
    """The number of turns for the same message, itself included."""

    @property
    def mode(self) -> Mode:
        return self.request.mode

    @property
    def is_seen(self) -> bool:
        """True if the turn is in the chat that the model sees. A turn without an answer is not."""
        return self.in_chat and bool(self.reply.text)

    def with_reply(self, reply: Reply) -> Turn:
        return replace(self, reply=reply)


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A change of mode on the timeline, after the turn `after_turn_id` (None: at the start)."""

    after_turn_id: int | None
    state: ModeState
    typed: str
    """The header that the user typed; empty if a key changed the mode."""


@dataclass(frozen=True, slots=True)
class ContextCut:
    """The point up to which turns have left a context that was full or compacted.

    `left_turn_id` and the turns before it have left, except pinned ones. The cut belongs to every
    path of turns that includes `after_turn_id`, the last turn at the time of the cut.
    """

    after_turn_id: int
    left_turn_id: int
    summary: str = ""
    """The text that replaces them for the model, if any."""


Entry: TypeAlias = Turn | ModeChange


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with its visible entries, oldest first."""

    id: int
    title: str
    created_at: datetime
    state: ModeState = field(default_factory=ModeState)
    entries: tuple[Entry, ...] = ()
    cut: ContextCut | None = None
    """The start of the context; None: the first turn."""
    own: OwnSettings | None = None
    """The conversation's own settings, if any."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Turn))

    @property
    def last_turn(self) -> Turn | None:
        for entry in reversed(self.entries):
            if isinstance(entry, Turn):
                return entry
        return None

    def changes_after(self, turn: Turn) -> tuple[ModeChange, ...]:
        """Return the changes of mode that follow `turn` directly."""
        changes: list[ModeChange] = []
        for entry in self.entries:
            if isinstance(entry, ModeChange) and entry.after_turn_id == turn.id:
                changes.append(entry)
        return tuple(changes)

    def with_entry(self, entry: Entry) -> Conversation:
        return replace(self, entries=(*self.entries, entry))

    def with_turn(self, turn: Turn) -> Conversation:
        """Return the conversation with `turn` in place of the turn with the same id."""
        entries = list(self.entries)
        for at, entry in enumerate(entries):
            if isinstance(entry, Turn) and entry.id == turn.id:
                entries[at] = turn
        return replace(self, entries=tuple(entries))


@dataclass(frozen=True, slots=True)
class Message:
    """One message as the model sees it."""

    role: Role
    content: str
    thinking: str = ""
    """The thinking of a reasoning model. Its template decides whether it sees that again."""
    typed: int = 0
    """Characters at the beginning that the model did not write: a prefill, an example."""
    pinned: bool = False
    """True if the message stays when the context is full."""


def chat_messages(turns: tuple[Turn, ...], text: str, system: str = "") -> tuple[Message, ...]:
    """Return a chat as the model sees it: system text, turns, and the new message `text`.

    Turns without an answer are left out: templates want strict alternation, and there is nothing to
    remember.
    """
    messages = []
    if system:
        messages.append(Message(Role.SYSTEM, system))
    for turn in turns:
        if turn.is_seen:
            messages.append(
                Message(Role.USER, message_text(turn.request), pinned=turn.pinned),
            )
            messages.append(
                Message(
                    Role.ASSISTANT,
                    turn.reply.text,
                    thinking=turn.reply.thinking,
                    typed=typed_of_reply(turn),
                    pinned=turn.pinned,
                )
            )
    messages.append(Message(Role.USER, text))
    return tuple(messages)


def typed_of_reply(turn: Turn) -> int:
    """Return the number of characters of the turn's reply that are the user's prefill."""
    if not isinstance(turn.request, Task):
        return 0
    prefill = turn.request.prefill
    if turn.reply.text.startswith(prefill):
        return len(prefill)
    begun = prefill.rstrip()  # the reply ended before any text followed
    return len(begun) if turn.reply.text == begun else 0


def message_text(request: ChatMessage | Task) -> str:
    """Return `request` as one message: a task's input follows its instruction and a blank line."""
    if isinstance(request, ChatMessage):
        return request.text
    if not request.input:
        return request.instruction
    return f"{request.instruction}\n\n{request.input}"


def as_mode(request: ChatMessage | Task, mode: Mode) -> ChatMessage | Task:
    """Return `request` as a turn of `mode`."""
    match request:
        case Task() if mode is Mode.CHAT:
            return ChatMessage(message_text(request))
        case ChatMessage() if mode is Mode.INSTRUCT:
            return Task(request.text)
        case _:
            return request


def clock_at(moment: datetime, conversation: Conversation | None) -> datetime:
    """Return the time that templates see: the day's first activity in the conversation.

    So the date is right, and the beginning of the prompt, which is in the KV cache, changes at most
    once a day. Days are those of the local time zone.
    """
    if conversation is None:
        return moment
    today = moment.astimezone().date()
    known = [conversation.created_at, *(turn.created_at for turn in conversation.turns)]
    return min([time for time in known if time.astimezone().date() == today], default=moment)
