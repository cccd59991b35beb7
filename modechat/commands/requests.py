"""What a text at the prompt would ask the model, and how named tasks are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modechat.commands.slash import read_slash, without_escape, word_of
from modechat.domain.modes import ChatMessage, Incomplete, Task, parse

if TYPE_CHECKING:
    from modechat.domain.typed import Typed
    from modechat.prompting.tasks import NamedTask
    from modechat.session.chat_session import ChatSession

_LONGEST_OF_EXAMPLE = 80


def request_of(text: str | Typed, session: ChatSession) -> ChatMessage | Task | None:
    """What `text` would ask the model if it was sent; None if nothing."""
    command = read_slash(text)
    if command is None:
        meant = parse(without_escape(text), session.state)
    elif command.action.id == "choose_task" and command.words:
        name, said = word_of(command.words)
        task = session.settings.task(name.casefold())
        meant = task.read(said) if task is not None else Incomplete("")
    else:
        return None
    return meant if isinstance(meant, ChatMessage | Task) else None


def request_of_task(text: str | Typed, session: ChatSession) -> ChatMessage | Task | None:
    """What `text` asks if it is a named task: `/task NAME …`; else None."""
    return request_of(text, session) if read_slash(text) is not None else None


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
