"""Says how a reply ended, in the words of every front end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from modechat.domain.conversation import (
    Reply,
    ReplyState,
    StopReason,
)
from modechat.domain.key_names import REGENERATE, key
from modechat.domain.notices import leak_note, repetition_note
from modechat.domain.text import ended, sanitize, sanitize_line


class End(Enum):
    """The end of a reply, as far as it makes a difference to the user."""

    WAITING = auto()
    """The reply has not begun."""
    ORDINARY = auto()
    """Includes a reply that is still being written."""
    STOPPED = auto()
    STOPPED_AT_ONCE = auto()
    """Stopped before any text came."""
    INTERRUPTED = auto()
    FAILED = auto()
    LENGTH = auto()
    CONTEXT = auto()
    LEAK = auto()
    REPEATS = auto()
    ONLY_THOUGHT = auto()
    NOTHING = auto()


_OF_STATE = {
    ReplyState.WAITING: End.WAITING,
    ReplyState.STREAMING: End.ORDINARY,
    ReplyState.INTERRUPTED: End.INTERRUPTED,
    ReplyState.FAILED: End.FAILED,
}
_OF_REASON = {
    StopReason.LENGTH: End.LENGTH,
    StopReason.CONTEXT: End.CONTEXT,
    StopReason.LEAK: End.LEAK,
    StopReason.REPEATS: End.REPEATS,
}


@dataclass(frozen=True, slots=True)
class _Notes:
    """The words for one end. `str.format` fills in the details of the reply."""

    on_screen: str
    """Below a reply of the conversation."""
    in_column: str
    """Below a reply of a comparison, which cannot be regenerated or continued there."""
    in_words: str
    """For a user who hears it: whole sentences, without signs."""
    of_command: str = ""
    """Below the reply of a command in the shell, with the options that help."""


_NOTES = {
    End.WAITING: _Notes("…", "waiting", ""),
    End.ORDINARY: _Notes("", "", ""),
    End.STOPPED: _Notes(
        "■ stopped. /continue goes on",
        "■ stopped",
        "The reply was stopped. /continue goes on.",
    ),
    End.STOPPED_AT_ONCE: _Notes(
        "■ stopped before the reply began",
        "■ stopped before it began",
        "Stopped before the reply began.",
    ),
    End.INTERRUPTED: _Notes(
        f"✂ interrupted: {{interruption}} {REGENERATE} asks again.{{goes_on}}",
        "✗ {error}",
        "The reply was interrupted: {interruption} /regenerate asks again.{goes_on}",
    ),
    End.FAILED: _Notes("✗ {error}", "✗ {error}", "There is no reply: {error}"),
    End.LENGTH: _Notes(
        "⋯ cut: the longest reply that is allowed (max_tokens). /continue goes on",
        "⋯ cut: as long as a reply may be here (max_tokens). Once it is kept, /continue goes on",
        "The reply was cut: it is the longest that is allowed (max_tokens). /continue goes on.",
        "The reply is incomplete: the limit of tokens cut it. Raise it with --max-tokens.",
    ),
    End.CONTEXT: _Notes(
        "⋯ cut: the context is full. /continue goes on",
        "⋯ cut: the context is full",
        "The reply was cut: the context is full. /continue goes on.",
        "The reply is incomplete: the context is full. Give the model more room with --ctx.",
    ),
    End.LEAK: _Notes(
        f"✂ {{leak}} {key('try_format', 'Ctrl+]')} tries another.",
        "✂ {leak}",
        "{leak} /reformat tries another.",
        "{leak} Try another with --format NAME.",
    ),
    End.REPEATS: _Notes(
        f"✂ {{repetition}} {REGENERATE} asks again.{{goes_on}}",
        "✂ {repetition}",
        "{repetition} /regenerate asks again.{goes_on}",
        "{repetition} Another --seed may help, or --repeat-penalty 1.1; "
        "stop_repetition = false, below [sampling] in the config file, lets it go on.",
    ),
    End.ONLY_THOUGHT: _Notes(
        "The model thought, and answered nothing.",
        "The model answered nothing.",
        "The model thought, and answered nothing. /thoughts shows what it thought.",
        "The model thought, and answered nothing. --json has what it thought, --no-thinking may "
        "help.",
    ),
    End.NOTHING: _Notes(
        "The model answered nothing.",
        "The model answered nothing.",
        "The model answered nothing.",
        "The model answered nothing.",
    ),
}


def end_of(reply: Reply) -> End:
    """Return the way in which the reply ended."""
    if reply.state is ReplyState.STOPPED:
        if not reply.text:
            return End.STOPPED_AT_ONCE
        return End.STOPPED
    if reply.state in _OF_STATE:
        return _OF_STATE[reply.state]
    if reply.stop_reason in _OF_REASON:
        return _OF_REASON[reply.stop_reason]
    if reply.text:
        return End.ORDINARY
    if reply.thinking:
        return End.ONLY_THOUGHT
    return End.NOTHING


def leaked_marker(reply: Reply) -> str:
    """Return the marker of another role that ended the reply, or ""."""
    if reply.stop_reason is not StopReason.LEAK or reply.stats is None:
        return ""
    return reply.stats.leak


def note_on_screen(reply: Reply) -> str:
    """Return the line below a reply of the conversation, "" after an ordinary end."""
    return _filled(_NOTES[end_of(reply)].on_screen, reply)


def note_in_column(reply: Reply) -> str:
    """Return the line below a reply of a comparison, "" after an ordinary end."""
    return _filled(_NOTES[end_of(reply)].in_column, reply)


def note_in_words(reply: Reply) -> str:
    """Return sentences for the plain front end, "" after an ordinary end."""
    return _filled(_NOTES[end_of(reply)].in_words, reply)


def note_of_command(reply: Reply) -> str:
    """Return sentences for a command in the shell, "" after an ordinary end."""
    return _filled(_NOTES[end_of(reply)].of_command, reply)


def _filled(note: str, reply: Reply) -> str:
    """Fill in the details of the reply, safe to show."""
    error = sanitize(reply.error)
    return note.format(
        error=error,
        interruption=ended(error or "modechat ended while it was written"),
        leak=leak_note(sanitize_line(leaked_marker(reply))),
        repetition=repetition_note(reply.stats),
        goes_on=" /continue goes on." if reply.text else "",
    )
