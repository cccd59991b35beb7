"""Defines the protocol of functions that render a template.

They do it in this process (`template.render`) or in the sandbox process of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class TemplateError(Exception):
    """The template does not compile, fails, or refuses the conversation; the text says why."""


class TemplateLimitError(TemplateError):
    """The template is too large, or it took too much time or memory, or wrote too much."""


class Renderer(Protocol):
    """Makes a prompt of messages. For the parameters see `modechat.prompting.template.render`."""

    def __call__(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        bos_token: str | None,
        eos_token: str | None,
        add_generation_prompt: bool,
        **variables: Any,
    ) -> str:
        """Return the prompt. Raises TemplateError."""
