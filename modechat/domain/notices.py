"""The program's own messages about a change of mode and about replies that were cut."""

from __future__ import annotations

from modechat.domain.conversation import ReplyStats
from modechat.domain.mode import Mode, ModeState
from modechat.domain.text import ended


def notice(state: ModeState) -> str:
    """Return the program's answer to a change of a conversation's mode to `state`."""
    if state.standing is not None:
        task = ended(f"“{state.standing}”")
        return (
            "Okay. Every following message is an input for this instruction, each on its own: "
            f"{task} ### Instruction or ### Chat ends it."
        )
    if state.mode is Mode.INSTRUCT:
        return "Okay, switching to instruct mode. What do you want me to do?"
    return "Okay, back to chat mode. I see our chat again."


SHORTEN_OR_WIDEN = "Shorten the text, or give the model more room with --ctx."


def too_long_note(n_prompt: int | str, n_ctx: int) -> str:
    """Return the sentence on a prompt that the context does not hold; `n_prompt` may be words."""
    counted = f"{n_prompt:,}" if isinstance(n_prompt, int) else n_prompt
    return f"The prompt has {counted} tokens, the context holds {n_ctx:,}"


def repetition_note(stats: ReplyStats | None) -> str:
    """Return the note under a reply that was stopped because it repeats itself."""
    note = "The reply was stopped: it repeats itself."
    if stats is None or not stats.repeated:
        return note
    return f"{note} {stats.repeated:,} characters of the same were left out."


def leak_note(marker: str) -> str:
    """Return the note under a reply that was stopped at another role's marker."""
    return (
        f"The reply was cut where the model began to write another role's turn ({marker}). "
        "The prompt format may be wrong for this model."
    )
