"""What a text at the prompt asks for, and how named tasks are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from modechat.commands.slash import SlashCommand, read_slash, without_escape, word_of
from modechat.domain.modes import ChatMessage, Incomplete, Parsed, Task, parse
from modechat.domain.near import did_you_mean, near

if TYPE_CHECKING:
    from modechat.domain.mode import ModeState
    from modechat.domain.typed import Typed
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession

Meaning: TypeAlias = Parsed | SlashCommand

_LONGEST_OF_EXAMPLE = 80


def meaning_of(text: str | Typed, tasks: Sequence[NamedTask], state: ModeState) -> Meaning:
    """What `text` asks for in a conversation whose mode is `state`: the one place where messages are parsed.

    A named task (`/task NAME …`) asks the model something, other commands are done by the dispatcher.
    """
    command = read_slash(text)
    if command is None:
        return parse(without_escape(text), state)
    if not command.asks_model:
        return command
    name, said = word_of(command.words)
    for task in tasks:
        if task.name == name.casefold():
            return task.read(said)
    return unknown("task", name, [task.name for task in tasks])


def request_of(text: str | Typed, session: ChatSession) -> ChatMessage | Task | None:
    """What `text` would ask the model if it was sent; None if nothing."""
    meaning = meaning_of(text, session.settings.tasks, session.state)
    return meaning if isinstance(meaning, ChatMessage | Task) else None


def unknown(kind: str, name: str, known: Sequence[str]) -> Incomplete:
    """Nothing of this `kind` has the name; those that are like it are named."""
    names = sorted(known)
    suggestion = did_you_mean(near(name, names, {}), names)
    return Incomplete(f"There is no {kind} “{name}”. {suggestion}".strip())


def sent_before(number: str, entries: Sequence[Typed]) -> Typed | Incomplete:
    """The entry that `number` counts from the newest, which is 1; or why there is none."""
    if number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= len(entries):
        return entries[int(number) - 1]
    if not entries:
        return Incomplete("Nothing was sent before.")
    return Incomplete(f"/history takes a number from 1, the newest, to {len(entries)}.")


def needs_words(task: NamedTask) -> bool:
    """Whether the task cannot begin without words after its name."""
    return task.argument is not None and not task.argument.default


def task_detail(task: NamedTask) -> str:
    """How the task is asked for, what it is told, and what it makes of its first example; a line for each."""
    lines = [f"{task_usage(task)}: {task.instruction}"]
    if task.examples:
        example = task.examples[0]
        given = " ".join((example.input or example.instruction).split())
        lines.append(
            f"Example: {_shortened(given)} → {_shortened(' '.join(example.response.split()))}"
        )
    return "\n".join(lines)


def _shortened(text: str) -> str:
    return (
        text if len(text) <= _LONGEST_OF_EXAMPLE else f"{text[: _LONGEST_OF_EXAMPLE - 1].rstrip()}…"
    )


def task_usage(task: NamedTask) -> str:
    """The command for a task as the help writes it: `/task translate LANGUAGE`."""
    if task.argument is None:
        return f"/task {task.name}"
    word = task.argument.name.upper()
    return f"/task {task.name} " + (f"[{word}]" if task.argument.default else word)
