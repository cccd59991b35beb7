"""The values of a conversation: turns of both modes on one timeline, and what of it the model sees.

Turns form a tree: a turn that was regenerated or run in the other mode is a sibling of the first one. The visible
timeline is the path from the root to the conversation's newest leaf.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Task

if TYPE_CHECKING:  # the first frame does without pydantic
    from modechat.domain.own_settings import OwnSettings


class Role(StrEnum):
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class ReplyState(StrEnum):
    """Where a reply stands. Only the first two change."""

    WAITING = "waiting"
    """Sent, nothing has come yet."""
    STREAMING = "streaming"
    COMPLETE = "complete"
    STOPPED = "stopped"
    """The user stopped it; what had come is kept."""
    INTERRUPTED = "interrupted"
    """The program or the engine ended while it came; what had come is kept."""
    FAILED = "failed"
    """The engine could not answer; `error` says why."""

    @property
    def is_final(self) -> bool:
        return self not in (ReplyState.WAITING, ReplyState.STREAMING)


class StopReason(StrEnum):
    """Why a reply ended."""

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
    """The model said nothing but the same again and again (`modechat.domain.repetition`)."""


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
    """What the format needed for this conversation (`modechat.prompting.fallbacks`); empty in old records."""
    neutralised: tuple[str, ...] = ()
    """The texts of control tokens in the user's message that were sent as plain text."""
    thinking_tokens: int = 0
    """Of the completion."""
    leak: str = ""
    """The other role's marker at which the reply was stopped."""
    evaluated_tokens: int = 0
    """Tokens that were computed for this reply: what was new of the prompt, and the reply's own."""
    restored_tokens: int = 0
    """Of the reused ones, those that came from disk."""
    drafted_tokens: int = 0
    """Tokens that were guessed and checked together (speculative decoding)."""
    accepted_tokens: int = 0
    """Guessed tokens that were right."""
    repeated: int = 0
    """Characters at the end of the reply, else of its thinking, that are left out: they say again what stands there."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model answered; `text` is stored stripped and includes the prefill."""

    text: str = ""
    state: ReplyState = ReplyState.WAITING
    stop_reason: StopReason | None = None
    error: str = ""
    model: str = ""
    stats: ReplyStats | None = None
    thinking: str = ""
    """What a reasoning model thought before it answered, stripped."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One user message and the reply to it. `typed` is the message as the user wrote it."""

    id: int
    parent_id: int | None
    typed: str
    request: ChatMessage | Task
    created_at: datetime
    in_chat: bool
    """Whether the turn belongs to the chat's context. Instruct turns do only if the user added them."""
    reply: Reply = field(default_factory=Reply)
    pinned: bool = False
    """Whether the turn stays in the context when that is full."""
    variant: int = 1
    """Its place, from 1, among the turns that stand for the same message, by age."""
    n_variants: int = 1
    """How many there are of them, itself included."""

    @property
    def mode(self) -> Mode:
        return Mode.CHAT if isinstance(self.request, ChatMessage) else Mode.INSTRUCT

    def with_reply(self, reply: Reply) -> Turn:
        return replace(self, reply=reply)


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A change of mode on the timeline, after the turn `after_turn_id` (None: at the start)."""

    after_turn_id: int | None
    state: ModeState
    typed: str
    """The header that the user typed; empty for a key."""


@dataclass(frozen=True, slots=True)
class ContextCut:
    """The context was full, or compacted: `left_turn_id` and the turns before it have left it, but for pinned ones.

    It belongs to every path of turns that has `after_turn_id`, the last turn when it happened.
    """

    after_turn_id: int
    left_turn_id: int
    summary: str = ""
    """What the model sees in their place, if anything."""


Entry: TypeAlias = Turn | ModeChange


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation as it is seen: its visible entries in order, oldest first."""

    id: int
    title: str
    created_at: datetime
    state: ModeState = field(default_factory=ModeState)
    entries: tuple[Entry, ...] = ()
    cut: ContextCut | None = None
    """Where the context begins; None: with the first turn."""
    own: OwnSettings | None = None
    """Its own settings, if it has any."""

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(entry for entry in self.entries if isinstance(entry, Turn))

    @property
    def last_turn(self) -> Turn | None:
        return next((entry for entry in reversed(self.entries) if isinstance(entry, Turn)), None)

    def changes_after(self, turn: Turn) -> tuple[ModeChange, ...]:
        """The headers that were typed right after `turn`."""
        changes = (entry for entry in self.entries if isinstance(entry, ModeChange))
        return tuple(change for change in changes if change.after_turn_id == turn.id)

    def with_entry(self, entry: Entry) -> Conversation:
        return replace(self, entries=(*self.entries, entry))

    def with_turn(self, turn: Turn) -> Conversation:
        """The conversation with the turn of the same id replaced by `turn`."""
        return replace(
            self,
            entries=tuple(
                turn if isinstance(entry, Turn) and entry.id == turn.id else entry
                for entry in self.entries
            ),
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the model's view."""

    role: Role
    content: str
    thinking: str = ""
    """What a reasoning model thought before it answered; its template decides whether it sees that again."""
    typed: int = 0
    """How many characters at the beginning of a reply are not the model's own: a prefill, or a worked example."""
    pinned: bool = False
    """Whether it stays when the context is full."""


def chat_messages(turns: tuple[Turn, ...], text: str, system: str = "") -> tuple[Message, ...]:
    """What the model sees of a chat: system text, the turns in its context, and the new message `text`.

    Turns without an answer are left out: templates want strict alternation, and there is nothing to remember.
    """
    messages = [Message(Role.SYSTEM, system)] if system else []
    for turn in turns:
        if turn.in_chat and turn.reply.text:
            asked, reply = message_text(turn.request), turn.reply
            messages.append(Message(Role.USER, asked, pinned=turn.pinned))
            messages.append(
                Message(
                    Role.ASSISTANT, reply.text, reply.thinking, typed_of_reply(turn), turn.pinned
                )
            )
    messages.append(Message(Role.USER, text))
    return tuple(messages)


def typed_of_reply(turn: Turn) -> int:
    """How many characters of the turn's reply are the user's: those of a prefill."""
    prefill = turn.request.prefill if isinstance(turn.request, Task) else ""
    if turn.reply.text.startswith(prefill):
        return len(prefill)
    begun = prefill.rstrip()  # the reply ended before anything followed
    return len(begun) if turn.reply.text == begun else 0


def message_text(request: ChatMessage | Task) -> str:
    """One user message for `request`; a task's input follows its instruction after a blank line."""
    if isinstance(request, ChatMessage):
        return request.text
    return f"{request.instruction}\n\n{request.input}" if request.input else request.instruction


def as_mode(request: ChatMessage | Task, mode: Mode) -> ChatMessage | Task:
    """`request` as a turn of `mode`."""
    if mode is Mode.CHAT:
        return request if isinstance(request, ChatMessage) else ChatMessage(message_text(request))
    return request if isinstance(request, Task) else Task(request.text)


def clock_at(moment: datetime, conversation: Conversation | None) -> datetime:
    """The clock that templates see in a prompt of this moment: when the conversation first went on that day.

    So the date is right, and the beginning of the prompt, which is in the KV cache, changes once a day at most. Days
    are those of the local time zone.
    """
    if conversation is None:
        return moment
    known = (conversation.created_at, *(turn.created_at for turn in conversation.turns))
    today = moment.astimezone().date()
    return min((time for time in known if time.astimezone().date() == today), default=moment)


def title_of(text: str, width: int = 60) -> str:
    """A title for a conversation that begins with `text`: its first line that says something."""
    lines = (line.strip().lstrip("#").strip() for line in text.splitlines())
    line = next((line for line in lines if line), "")
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def without_repetition(reply: Reply) -> Reply:
    """The reply without what it says again and again at its end: once is kept."""
    if (
        reply.stop_reason is not StopReason.REPEATS
        or reply.stats is None
        or not reply.stats.repeated
    ):
        return reply
    if reply.text:
        return replace(reply, text=reply.text[: -reply.stats.repeated].rstrip())
    return replace(reply, thinking=reply.thinking[: -reply.stats.repeated].rstrip())


def repetition_note(stats: ReplyStats | None) -> str:
    """What the user should know of a reply that was stopped because it repeats itself."""
    n_left_out = stats.repeated if stats is not None else 0
    if not n_left_out:
        return "The reply was stopped: it repeats itself."
    return f"The reply was stopped: it repeats itself. {n_left_out:,} characters of the same were left out."


def title_of_request(request: ChatMessage | Task) -> str:
    """A title for a conversation that begins with `request`. The instructions of many tasks are alike, their inputs
    are not."""
    if isinstance(request, Task) and request.input:
        return title_of(request.input) or title_of(request.instruction)
    return title_of(message_text(request))


def titles_of_request(request: ChatMessage | Task) -> tuple[str, ...]:
    """The titles that a conversation that begins with `request` may have got, from earlier versions too."""
    return title_of_request(request), title_of(message_text(request))


def leak_note(marker: str) -> str:
    """What the user should know of a reply that was stopped at another role's marker."""
    return (
        f"The reply was cut where the model began to write another role's turn ({marker}). "
        "The prompt format may be wrong for this model."
    )
