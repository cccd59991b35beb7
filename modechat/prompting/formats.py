"""Named prompt formats: data of `prompts/formats/*.toml`, with Jinja templates of the same kind as a GGUF's."""

from __future__ import annotations

import tomllib
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class FormatSource(StrEnum):
    """Where a prompt format came from."""

    GGUF = "gguf"
    """The chat template in the model's file."""
    BUILT_IN = "built-in"
    """A named format that ships with modechat."""


class NamedFormat(BaseModel):
    """A prompt format as its file in `prompts/formats/` has it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    source: str
    """Who published the format, and where."""
    stop: tuple[str, ...]
    """Texts that end a reply: turn markers that are plain text to the model."""
    chat_template: str
    """Jinja over `messages` and `add_generation_prompt`."""
    instruct_template: str
    """Jinja over `instruction`, `input` and `system`; the last two may be empty."""


def parse_format(text: str) -> NamedFormat:
    """A named format from the text of its TOML file. Raises tomllib.TOMLDecodeError or pydantic.ValidationError."""
    return NamedFormat.model_validate(tomllib.loads(text))
