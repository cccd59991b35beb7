"""Reads the words of a command and the piped text as a request."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.mode import INSTRUCT, Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch, Task, headers, parse
from modechat.domain.near import did_you_mean, near
from modechat.domain.typed import Typed, as_typed
from modechat.errors import UsageError
from modechat.prompt_files import PromptFiles
from modechat.prompting.tasks import NamedTask
from modechat.session.attachments import attach


def read_request(instruction: str | Typed, piped: str) -> ChatMessage | Task:
    """Return the request in the arguments and the piped text. Raises UsageError if there is none.

    Piped text was not typed: headers in it are text, unless it is the whole request and begins with
    a header.
    """
    instruction = as_typed(instruction)
    if not piped.strip():
        piped = ""
    if not instruction.text.strip():
        instruction, piped = _as_request(piped), ""
    match parse(instruction, INSTRUCT):
        case ChatMessage(text=text):
            return ChatMessage(_join(text, piped))
        case Task() as task:
            return Task(task.instruction, _join(task.input, piped), task.prefill)
        case Switch(state=ModeState(standing=str(standing))):
            return Task(standing, piped)
        case Switch(state=ModeState(mode=Mode.CHAT)) if piped:
            return ChatMessage(piped)
        case Switch() if piped:
            return Task(piped)
        case Switch() | Incomplete():
            raise UsageError(
                "There is nothing to do",
                "Give an instruction, and a file as its input if you like: "
                "modechat run 'Summarise this text in one sentence' < FILE",
            )


def request_for(named: NamedTask | None, said: str, given: str) -> ChatMessage | Task:
    """Return the request in a command's words, the files that they mention, and the given text."""
    words = with_files(said, Path())
    if named is None:
        return read_request(words, given)
    return read_task(named, words.text, given)


def with_files(words: str, folder: Path) -> Typed:
    """Return the words of a command with the texts of the files that they mention.

    Raises UsageError for a file that cannot be attached.
    """
    text = attach(Typed(words), folder)
    if isinstance(text, Incomplete):
        raise UsageError(text.reason.rstrip("."))
    return text


def named_task(name: str | None, files: PromptFiles) -> NamedTask | None:
    """Return the task with this name; None for no name. Raises UsageError if there is none."""
    if name is None:
        return None
    tasks = {task.name: task for task in files.tasks}
    if name not in tasks:
        hint = did_you_mean(near(name, tasks, {}), tasks)
        raise UsageError(f"There is no task “{name}”", hint)
    return tasks[name]


def read_task(task: NamedTask, said: str, piped: str) -> Task:
    """Return a named task with the words after its name.

    Raises UsageError if its argument or its input is missing.
    """
    if piped:
        has_argument_only = task.argument is not None or not said.strip()
        said += ("\n" if has_argument_only else "\n\n") + piped
    match task.read(said):
        case Task() as request:
            return request
        case Incomplete(reason=reason):
            raise UsageError(reason)
        case _:
            raise UsageError(
                f"The task “{task.name}” has no text to work on",
                f"Pipe it in: modechat … --task {task.name} < FILE",
            )


def _as_request(piped: str) -> Typed:
    """Return a piped text as a request: typed if it begins with a header, else one fold."""
    if not piped:
        return Typed()
    counting = headers(piped, INSTRUCT)
    if counting and counting[0].word in ("instruction", "chat"):
        return Typed(piped)
    return Typed(piped, ((0, len(piped)),))


def _join(first: str, second: str) -> str:
    return "\n\n".join(filter(None, (first, second)))
