"""The texts of the plain front end: the help, and commands in place of keys."""

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
    """Return a message of the program with commands in place of keys, which are not used here."""
    return with_keys(text, _COMMANDS.get)


def prompt_label(state: ModeState) -> str:
    """Return the prompt, which names the mode: `You (chat): `."""
    return f"You ({'input' if state.standing is not None else state.mode}): "


def reply_label(mode: Mode) -> str:
    """Return the label before a reply."""
    return "Model: " if mode is Mode.CHAT else "Model (instruct): "


def help_lines() -> Iterator[str]:
    """Yield the modes, the ways to write messages, and the commands."""
    for title, rows in (
        ("Modes:", MODES),
        ("Writing:", _LINES),
        ("Commands:", (*slash_table(without_screen=True), ("\\/task …", "sends the text itself"))),
    ):
        yield title
        for name, text in rows:
            yield f"{name}: {text}."


def neutralised_note(reply: Reply) -> str:
    """Return a note on the control tokens in the user's message, or "" if there were none."""
    if reply.stats is None or not reply.stats.neutralised:
        return ""
    texts = []
    for text, count in Counter(reply.stats.neutralised).items():
        times = f" ({count} times)" if count > 1 else ""
        texts.append(sanitize_line(text) + times)
    return f"Sent as plain text: {', '.join(texts)}"


def percent(fraction: float) -> str:
    """Return a fraction as a screen reader speaks it: `50 percent`."""
    return f"{round(100 * fraction)} percent"


def cut_between_words(text: str, longest: int | None) -> str:
    """Cut `text` between words to at most `longest` characters; None: do not cut."""
    if longest is None or len(text) <= longest:
        return text
    end = max(text.rfind(" ", 0, longest), text.rfind("\n", 0, longest))
    if end <= 0:
        end = longest
    return f"{text[:end].rstrip()} …"
