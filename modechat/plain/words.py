"""What the plain front end says: the help, and keys as the commands that do the same. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from modechat.commands.actions import ACTIONS, MODES, slash_table
from modechat.domain.conversation import Reply
from modechat.domain.key_names import with_keys
from modechat.domain.mode import Mode, ModeState
from modechat.domain.text import sanitize_line

_COMMANDS = {action.id: f"/{action.slash}" for action in ACTIONS if action.slash}

GREETING = (
    "Type a message and press Enter. /help lists the commands and says how to write several lines. "
    "Ctrl+C stops a reply, Ctrl+D leaves."
)

_LINES = (
    ("a line that ends with a backslash", "goes on in the next line"),
    ('""" on a line of its own', "begins a message of several lines, and ends it"),
    ("a paste of several lines", "is one message; Enter sends it"),
    ("Ctrl+C", "stops a reply; at the prompt, it drops what was typed; twice, it leaves"),
    ("Ctrl+D", "leaves; everything is saved"),
)


def as_commands(text: str) -> str:
    """Return a message of ours with commands in place of keys: this front end has none."""
    return with_keys(text, _COMMANDS.get)


def prompt_label(state: ModeState) -> str:
    """Say who speaks next, and in which mode: `You (chat): `."""
    return f"You ({'input' if state.standing is not None else state.mode}): "


def reply_label(mode: Mode) -> str:
    """Return what stands before a reply."""
    return "Model: " if mode is Mode.CHAT else "Model (instruct): "


def help_lines() -> Iterator[str]:
    """List the modes, how lines become messages, and the commands."""
    for title, rows in (
        ("Modes:", MODES),
        ("Writing:", _LINES),
        ("Commands:", (*slash_table(without_screen=True), ("\\/task …", "sends the text itself"))),
    ):
        yield title
        for name, text in rows:
            yield f"{name}: {text}."


def neutralised_note(reply: Reply) -> str:
    """Say which texts of control tokens the user's message had; empty if none."""
    if reply.stats is None or not reply.stats.neutralised:
        return ""
    texts = []
    for text, count in Counter(reply.stats.neutralised).items():
        times = f" ({count} times)" if count > 1 else ""
        texts.append(sanitize_line(text) + times)
    return f"Sent as plain text: {', '.join(texts)}"


def percent(fraction: float) -> str:
    """Write a fraction as a screen reader speaks it: `50 percent`."""
    return f"{round(100 * fraction)} percent"


def shortened(text: str, longest: int | None) -> str:
    """Cut `text` between words to so many characters; None leaves it whole."""
    if longest is None or len(text) <= longest:
        return text
    end = max(text.rfind(" ", 0, longest), text.rfind("\n", 0, longest))
    if end <= 0:
        end = longest
    return f"{text[:end].rstrip()} …"
