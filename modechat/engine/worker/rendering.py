"""Renders templates in the sandbox, and refuses those that hit its limits before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modechat.domain.text import storable
from modechat.prompting.renderer import Renderer, TemplateError, TemplateLimitError


class LimitedRenderer:
    """A `Renderer` that asks `sandboxed`, and returns only texts that JSON can hold.

    A template that hit a limit once is refused from then on: waiting for it again would freeze
    every turn.
    """

    def __init__(self, sandboxed: Renderer) -> None:
        self._sandboxed = sandboxed
        self._refused: dict[str, TemplateLimitError] = {}

    def __call__(
        self,
        template: str,
        messages: Sequence[Mapping[str, Any]],
        bos_token: str | None,
        eos_token: str | None,
        add_generation_prompt: bool,
        **variables: Any,
    ) -> str:
        if error := self._refused.get(template):
            raise error
        try:
            text = self._sandboxed(
                template, messages, bos_token, eos_token, add_generation_prompt, **variables
            )
        except TemplateLimitError as error:
            self._refused[template] = error
            raise
        except TemplateError as error:
            raise TemplateError(storable(str(error))) from error
        return storable(text)
