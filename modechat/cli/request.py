"""What the words of a command and the piped text ask for."""

from __future__ import annotations

from pathlib import Path

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import ChatMessage, Incomplete, Switch, Task, headers, parse
from modechat.domain.near import did_you_mean, near
from modechat.domain.typed import Typed, as_typed
from modechat.errors import UsageError
from modechat.prompt_files import PromptFiles
from modechat.prompting.tasks import NamedTask
from modechat.session.attachments import attach

_ALONE = ModeState(Mode.INSTRUCT)


def read_request(instruction: str | Typed, piped: str) -> ChatMessage | Task:
    """What the arguments and the piped text ask for. Raises UsageError if that is nothing.

    What is piped in was not typed: headers are text in it, unless it is the whole request and begins with one.
    """
    instruction, piped = as_typed(instruction), piped if piped.strip() else ""
    if not instruction.text.strip():
        instruction, piped = _as_request(piped), ""
    match parse(instruction, _ALONE):
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
    """What is asked with the words of a command, the files that they mention, and the text that was given besides."""
    words = with_files(said, Path())
    return read_task(named, words.text, given) if named else read_request(words, given)


def with_files(words: str, folder: Path) -> Typed:
    """The words of a command with the files that they mention. Raises UsageError for one that cannot be attached."""
    text = attach(Typed(words), folder)
    if isinstance(text, Incomplete):
        raise UsageError(text.reason.rstrip("."))
    return text


def named_task(name: str | None, files: PromptFiles) -> NamedTask | None:
    """The task that was asked for by name. Raises UsageError if there is none of that name."""
    if name is None:
        return None
    found = next((task for task in files.tasks if task.name == name), None)
    if found is None:
        known = tuple(task.name for task in files.tasks)
        raise UsageError(f"There is no task “{name}”", did_you_mean(near(name, known, {}), known))
    return found


def read_task(task: NamedTask, said: str, piped: str) -> Task:
    """A named task with what was said after its name. Raises UsageError if its argument or its input is missing."""
    separator = "\n" if task.argument is not None or not said.strip() else "\n\n"
    match task.read(f"{said}{separator}{piped}" if piped else said):
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
    """A piped text as a request: typed if its first line says so, else a page like any other."""
    counting = headers(piped, _ALONE)
    first = counting[0] if counting else None
    is_typed = first is not None and first.word in ("instruction", "chat")
    return Typed(piped) if is_typed or not piped else Typed(piped, ((0, len(piped)),))


def _join(first: str, second: str) -> str:
    return "\n\n".join(part for part in (first, second) if part)
