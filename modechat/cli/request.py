"""What the words of a command and the piped text ask for."""

from __future__ import annotations

from modechat.domain.modes import ChatMessage, Incomplete, Mode, ModeState, Switch, Task, parse
from modechat.errors import UsageError
from modechat.prompt_files import PromptFiles
from modechat.prompting.tasks import NamedTask


def read_request(instruction: str, piped: str) -> ChatMessage | Task:
    """What the arguments and the piped text ask for. Raises UsageError if that is nothing."""
    if not instruction.strip():
        instruction, piped = piped, ""
    piped = piped.strip()
    match parse(instruction, ModeState(Mode.INSTRUCT)):
        case ChatMessage(text=text):
            return ChatMessage(_join(text, piped))
        case Task() as task:
            return Task(task.instruction, _join(task.input, piped), task.prefill)
        case Switch(state=ModeState(standing=str(standing))) if piped:
            return Task(standing, piped)
        case Switch(state=ModeState(standing=str(standing))):
            return Task(standing)
        case Switch(state=ModeState(mode=Mode.CHAT)) if piped:
            return ChatMessage(piped)
        case Switch() if piped:
            return read_request(piped, "")
        case Switch() | Incomplete():
            raise UsageError(
                "There is nothing to do",
                "Give an instruction, and a file as its input if you like: "
                "modechat run 'Summarise this text in one sentence' < FILE",
            )


def named_task(name: str | None, files: PromptFiles) -> NamedTask | None:
    """The task that was asked for by name. Raises UsageError if there is none of that name."""
    if name is None:
        return None
    found = next((task for task in files.tasks if task.name == name), None)
    if found is None:
        known = ", ".join(task.name for task in files.tasks)
        raise UsageError(f"There is no task “{name}”", f"There are: {known}.")
    return found


def read_task(task: NamedTask, said: str, piped: str) -> Task:
    """A named task with what was said after its name. Raises UsageError if its argument or its input is missing."""
    piped = piped.strip()
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


def _join(first: str, second: str) -> str:
    return "\n\n".join(part for part in (first, second) if part)
