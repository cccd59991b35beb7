"""Parses a text at the prompt, and describes the named tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from modechat.commands.slash import SlashCommand, read_slash, without_escape, word_of
from modechat.domain.modes import ChatMessage, Incomplete, Parsed, Task, parse
from modechat.domain.near import did_you_mean, near
from modechat.domain.text import in_short

if TYPE_CHECKING:
    from modechat.domain.mode import ModeState
    from modechat.domain.typed import Typed
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession
    from modechat.session.settings import SessionSettings

Meaning: TypeAlias = Parsed | SlashCommand

_LONGEST_OF_EXAMPLE = 80


def meaning_of(text: str | Typed, settings: SessionSettings, state: ModeState) -> Meaning:
    """Parse `text` in a conversation with the mode `state`. Only this function parses messages.

    A named task (`/task NAME …`) is a request to the model. The dispatcher does the other commands.
    """
    command = read_slash(text)
    if command is None:
        return parse(without_escape(text), state)
    if not command.asks_model:
        return command
    name, said = word_of(command.words)
    task = settings.task(name.casefold())
    if task is None:
        return unknown("task", name, [known.name for known in settings.tasks])
    return task.read(said)


def request_of(text: str | Typed, session: ChatSession) -> ChatMessage | Task | None:
    """Return the request that `text` would be if it was sent, or None if it would be none."""
    meaning = meaning_of(text, session.settings, session.state)
    if isinstance(meaning, ChatMessage | Task):
        return meaning
    return None


def unknown(kind: str, name: str, known: Sequence[str]) -> Incomplete:
    """Return the message that no `kind` has this name, with suggestions of similar names."""
    names = sorted(known)
    suggestion = did_you_mean(near(name, names, {}), names)
    return Incomplete(f"There is no {kind} “{name}”. {suggestion}".strip())


def sent_before(number: str, entries: Sequence[Typed]) -> Typed | Incomplete:
    """Return the entry with this number, where 1 is the newest, or the reason why there is none."""
    if number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= len(entries):
        return entries[int(number) - 1]
    if not entries:
        return Incomplete("Nothing was sent before.")
    return Incomplete(f"/history takes a number from 1, the newest, to {len(entries)}.")


def needs_words(task: NamedTask) -> bool:
    """Return True if words must follow the name of the task."""
    return task.argument is not None and not task.argument.default


def task_detail(task: NamedTask) -> str:
    """Return lines that describe a task: its command and instruction, and its first example."""
    lines = [f"{task_usage(task)}: {task.instruction}"]
    if task.examples:
        example = task.examples[0]
        given = in_short(example.input or example.instruction, _LONGEST_OF_EXAMPLE)
        made = in_short(example.response, _LONGEST_OF_EXAMPLE)
        lines.append(f"Example: {given} → {made}")
    return "\n".join(lines)


def task_usage(task: NamedTask) -> str:
    """Return the command for a task as the help writes it: `/task translate LANGUAGE`."""
    if task.argument is None:
        return f"/task {task.name}"
    word = task.argument.name.upper()
    if task.argument.default:
        word = f"[{word}]"
    return f"/task {task.name} {word}"
