"""Tells how a worker process died, by its exit code on every system, and in words."""

from __future__ import annotations

import signal
from enum import StrEnum


class Death(StrEnum):
    ILLEGAL_INSTRUCTION = "illegal instruction"
    """The processor refused an instruction of llama.cpp."""
    CRASH = "crash"
    """It used memory that is not its own."""
    ABORT = "abort"
    """It gave up by itself: an assertion, or no memory."""
    KILLED = "killed"
    """It was killed from outside."""
    HANG = "hang"
    """It gave no sign of life, and was killed for that."""
    OTHER_VERSION = "other version"
    """It and modechat do not understand each other's messages.

    modechat was updated while it ran.
    """
    EXIT = "exit"
    """It ended as programs do, without being asked."""


EXIT_OTHER_VERSION = 76
"""The worker's exit code when it is sent what it cannot read: EX_PROTOCOL of BSD's sysexits.h."""
SECONDS_TO_SHUT_DOWN = 10
"""Seconds that a worker may save things to disk before it is ended."""

_BY_SIGNAL = {
    "SIGILL": Death.ILLEGAL_INSTRUCTION,
    "SIGSEGV": Death.CRASH,
    "SIGBUS": Death.CRASH,
    "SIGFPE": Death.CRASH,
    "SIGABRT": Death.ABORT,
}
_BY_STATUS = {  # Windows ends a process with the NTSTATUS of the exception that nobody handled
    0xC000001D: Death.ILLEGAL_INSTRUCTION,
    0xC0000005: Death.CRASH,
    0xC0000094: Death.CRASH,
    0xC0000409: Death.ABORT,
}
_REASONS = {
    "SIGKILL": "was killed (SIGKILL): often the system does that when memory runs out",
    "SIGABRT": "gave up (SIGABRT): an assertion in llama.cpp failed",
    "SIGSEGV": "crashed (SIGSEGV)",
    "SIGILL": "crashed (SIGILL): the processor refused an instruction of llama.cpp",
}


def death_of(code: int) -> Death:
    """Classify an exit code of `subprocess`, which is negative for a signal."""
    if code < 0:
        return _BY_SIGNAL.get(_signal_name(code), Death.KILLED)
    if code == EXIT_OTHER_VERSION:
        return Death.OTHER_VERSION
    return _BY_STATUS.get(code & 0xFFFFFFFF, Death.EXIT)


def in_words(code: int) -> str:
    """Return how the process died, as the end of a sentence."""
    if code >= 0:
        death = death_of(code)
        if death is Death.OTHER_VERSION:
            return "does not understand what it was asked"
        if death is Death.ILLEGAL_INSTRUCTION:
            return "crashed: the processor refused an instruction of llama.cpp"
        if death is Death.EXIT:
            return f"ended unexpectedly (exit code {code})"
        return f"crashed (exit code {code:#x})"
    name = _signal_name(code)
    return _REASONS.get(name, f"died ({name})")


def remedy(death: Death) -> str:
    """Return what the user can do; empty if there is nothing special to do."""
    if death is Death.OTHER_VERSION:
        return "modechat was probably updated while it ran. Close it and start it again."
    return ""


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
