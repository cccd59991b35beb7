"""Defines a single-shot task and the start of its reply."""

from __future__ import annotations

from dataclasses import dataclass

from modechat.domain.conversation import Message, Role, message_text
from modechat.domain.modes import Task
from modechat.domain.tasks import Example


@dataclass(frozen=True, slots=True)
class Prefill:
    """The start of the reply, which the model continues.

    `typed` characters of it are the user's, the rest is the model's own.
    """

    text: str = ""
    typed: int = 0


NO_PREFILL = Prefill()


@dataclass(frozen=True, slots=True)
class SingleShot:
    """A task with its system text and examples, without history."""

    task: Task
    system: str = ""
    examples: tuple[Example, ...] = ()
    context_first: bool = False
    """True if the input comes before the instruction, in a format without tasks."""
    typed: int | None = None
    """The number of characters of the task's prefill that are the user's; None: all."""

    @property
    def prefill(self) -> Prefill:
        typed = self.typed
        if typed is None:
            typed = len(self.task.prefill)
        return Prefill(self.task.prefill, typed)

    def messages(self) -> tuple[Message, ...]:
        """Return the task as messages: each worked example is a turn of its own."""
        messages: list[Message] = []
        if self.system:
            messages.append(Message(Role.SYSTEM, self.system))
        for example in self.examples:
            messages += [self._message(example.as_task()), _example_reply(example)]
        return (*messages, self._message(self.task))

    def _message(self, task: Task) -> Message:
        if self.context_first and task.input:
            return Message(Role.USER, f"{task.input}\n\nQuestion: {task.instruction}")
        return Message(Role.USER, message_text(task))


def _example_reply(example: Example) -> Message:
    """Return the reply of an example, which no model wrote."""
    return Message(Role.ASSISTANT, example.response, typed=len(example.response))
