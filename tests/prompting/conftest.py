"""The formats that ship with modechat, and a builder of prompts for any of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modechat.prompt_files import load_prompt_files
from modechat.prompting.formats import LAST_RESORT, NamedFormat
from modechat.prompting.guard import Guard
from modechat.prompting.prompt import PromptBuilder
from modechat.prompting.prompt_format import NO_TOKENS, PromptFormat, SpecialTokens
from modechat.prompting.template import render

SHIPPED: tuple[NamedFormat, ...] = load_prompt_files(own=Path("/nonexistent")).formats
BY_NAME = {named.name: named for named in SHIPPED}


def builder(
    used: PromptFormat | str,
    *,
    fallback: PromptFormat | str = LAST_RESORT,
    tokens: SpecialTokens = NO_TOKENS,
    control: Sequence[str] = (),
    **variables: Any,
) -> PromptBuilder:
    """Makes prompts in `used`, a format or the name of a shipped one; `control` are the
    vocabulary's control texts.
    """
    return PromptBuilder(
        _format(used), _format(fallback), render, Guard(control), tokens, variables
    )


def own_template(template: str) -> PromptFormat:
    return PromptFormat.of_gguf(template)


def _format(used: PromptFormat | str) -> PromptFormat:
    return PromptFormat.of_name(BY_NAME[used]) if isinstance(used, str) else used
