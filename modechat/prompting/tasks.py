"""Defines named tasks: the data of `prompts/tasks/*.toml`.

Each is an instruction that is asked often, with worked examples and suitable sampling.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from modechat.domain.mode import Mode, ModeState
from modechat.domain.modes import Incomplete, Parsed, Switch, Task
from modechat.domain.sampling import Sampling
from modechat.domain.tasks import Example

_SLOT = "{argument}"


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskArgument(_Data):
    """The argument of a task: the words after its name, such as a language."""

    name: str
    """The argument's name in the help."""
    default: str = ""
    """The argument if the user gives none; empty: the user must give one."""


class TaskExample(_Data):
    """A worked example, which the model sees before the task."""

    instruction: str = ""
    """The instruction of the example; empty: the task's own."""
    input: str = ""
    response: str


class NamedTask(_Data):
    """A task as its file has it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    """One line that says what the task does."""
    instruction: str
    """The text for the model, in which `{argument}` stands for the words after the name."""
    argument: TaskArgument | None = None
    examples: tuple[TaskExample, ...] = ()
    sampling: Sampling = Sampling()
    """Settings that have precedence over the user's."""
    context_first: bool = False
    """True if the input comes first, then `Question: ` and the instruction (as for Llama 2)."""

    json_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    """The JSON schema that the answer must fit, if any."""
    grammar: str | None = None
    """The grammar in GBNF that the answer must obey, if any; not together with a schema."""

    @model_validator(mode="after")
    def _check_constraint(self) -> NamedTask:
        if self.json_schema is not None and self.grammar is not None:
            raise ValueError("a task has a schema or a grammar, not both")
        if self.json_schema is not None:
            from modechat.prompting.json_schema import grammar_of

            grammar_of(self.json_schema)
        return self

    @property
    def schema_text(self) -> str | None:
        """The schema as the engine gets it."""
        if self.json_schema is None:
            return None
        return json.dumps(self.json_schema)

    @model_validator(mode="after")
    def _check_slot(self) -> NamedTask:
        if (_SLOT in self.instruction) != (self.argument is not None):
            raise ValueError(
                f"an argument needs {_SLOT} in the instruction, and the other way round"
            )
        return self

    def instruction_for(self, argument: str = "") -> str:
        """Return the instruction with the argument in it, or its default if that is empty."""
        if self.argument is None:
            return self.instruction
        return self.instruction.replace(_SLOT, argument.strip() or self.argument.default)

    def read(self, said: str) -> Parsed:
        """Return the meaning of the user's words after the task's name.

        If the task has an argument, the rest of the first line is the argument, and the lines below
        are the input. Otherwise everything is the input. Without an input, every following message
        is one.
        """
        argument, text = "", said
        if self.argument is not None:
            first, _, text = said.partition("\n")
            argument = first.strip()
            if not (argument or self.argument.default):
                command = f"/task {self.name} {self.argument.name.upper()}"
                return Incomplete(f"The task “{self.name}” needs more: {command}")
        instruction = self.instruction_for(argument)
        text = text.strip("\n")
        if not text.strip():
            return Switch(ModeState(Mode.INSTRUCT, instruction, self.name))
        return Task(instruction, text, name=self.name)

    def worked_examples(self, instruction: str) -> tuple[Example, ...]:
        """Return the examples for a task with this instruction."""
        examples: list[Example] = []
        for example in self.examples:
            asked = example.instruction or instruction
            examples.append(Example(asked, example.input, example.response))
        return tuple(examples)
