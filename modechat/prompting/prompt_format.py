"""Defines the prompt format of a loaded model: the GGUF's own chat template, or a named format.

Both are Jinja.
"""

from __future__ import annotations

from dataclasses import dataclass

from modechat.domain.mode import Mode
from modechat.prompting.formats import FormatSource, NamedFormat

CHAT_TEMPLATE = "chat-template"
"""The name of the format that is the GGUF's own template."""

AS_IS = "as is"
"""The name of the fallback that changes nothing (`modechat.prompting.fallbacks`)."""


@dataclass(frozen=True, slots=True)
class SpecialTokens:
    """Texts of the model's special tokens that templates may name; None: the model lacks it."""

    bos: str | None = None
    eos: str | None = None


NO_TOKENS = SpecialTokens()


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """The format that a loaded model uses, with its source, for both modes."""

    name: str
    source: FormatSource
    chat_template: str
    instruct_template: str | None = None
    """None: a task is one user turn through the chat template."""
    system: str = ""
    """The system text that is sent if the user sets none."""
    stop: tuple[str, ...] = ()
    instruct_stop: tuple[str, ...] = ()
    sees_history: bool = True

    @classmethod
    def of_gguf(cls, chat_template: str) -> PromptFormat:
        return cls(CHAT_TEMPLATE, FormatSource.GGUF, chat_template)

    @classmethod
    def of_name(cls, named: NamedFormat) -> PromptFormat:
        instruct_stop = named.instruct_stop
        if instruct_stop is None:
            instruct_stop = named.stop
        return cls(
            name=named.name,
            source=named.origin,
            chat_template=named.chat_template,
            instruct_template=named.instruct_template,
            system=named.system,
            stop=named.stop,
            instruct_stop=instruct_stop,
            sees_history=named.sees_history,
        )

    def stops(self, mode: Mode) -> tuple[str, ...]:
        return self.stop if mode is Mode.CHAT else self.instruct_stop
