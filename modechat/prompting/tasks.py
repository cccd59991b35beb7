"""Named tasks: data of `prompts/tasks/*.toml`.

Each is an instruction that is asked often, with worked examples and the sampling that suits it.
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
    """What the user says after the task's name, such as a language."""

    name: str
    """What it is, for the help."""
    default: str = ""
    """Taken where the user says nothing; empty: the user must say something."""


class TaskExample(_Data):
    """A worked example: the model is shown it before the task."""

    instruction: str = ""
    """Empty: the task's own."""
    input: str = ""
    response: str


class NamedTask(_Data):
    """A task as its file has it."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    """One line that says what it does."""
    instruction: str
    """What the model is told; `{argument}` stands for what the user says after the name."""
    argument: TaskArgument | None = None
    examples: tuple[TaskExample, ...] = ()
    sampling: Sampling = Sampling()
    """Over the user's settings."""
    context_first: bool = False
    """The input comes first, then `Question: ` and the instruction (Llama 2's form for a question about a text)."""

    json_schema: Annotated[dict[str, Any] | None, Field(alias="schema")] = None
    """The answer is JSON that fits this JSON schema."""
    grammar: str | None = None
    """The answer obeys this grammar, in GBNF; not together with a schema."""

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
        return None if self.json_schema is None else json.dumps(self.json_schema)

    @model_validator(mode="after")
    def _check_slot(self) -> NamedTask:
        if (_SLOT in self.instruction) != (self.argument is not None):
            raise ValueError(
                f"an argument needs {_SLOT} in the instruction, and the other way round"
            )
        return self

    def instruction_for(self, argument: str = "") -> str:
        """The instruction with the argument in it; with its default if it is empty."""
        if self.argument is None:
            return self.instruction
        return self.instruction.replace(_SLOT, argument.strip() or self.argument.default)

    def read(self, said: str) -> Parsed:
        """What the user's words after the task's name mean.

        A task with an argument takes the rest of the first line as the argument, and the lines below as the input; one
        without takes everything as the input. Without an input, every following message is one.
        """
        argument, text = "", said
        if self.argument is not None:
            first, _, text = said.partition("\n")
            argument = first.strip()
            if not (argument or self.argument.default):
                return Incomplete(
                    f"The task “{self.name}” needs more: /task {self.name} {self.argument.name.upper()}"
                )
        instruction = self.instruction_for(argument)
        text = text.strip("\n")
        if not text.strip():
            return Switch(ModeState(Mode.INSTRUCT, instruction, self.name))
        return Task(instruction, text, name=self.name)

    def worked_examples(self, instruction: str) -> tuple[Example, ...]:
        """The examples for a task with this instruction."""
        return tuple(
            Example(example.instruction or instruction, example.input, example.response)
            for example in self.examples
        )
