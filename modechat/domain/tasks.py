"""The worked examples of named tasks."""

from __future__ import annotations

from dataclasses import dataclass

from modechat.domain.modes import Task


@dataclass(frozen=True, slots=True)
class Example:
    """A worked example that the model sees before the task itself."""

    instruction: str
    input: str
    response: str

    def as_task(self) -> Task:
        return Task(self.instruction, self.input)
