"""Defines named prompt formats: the data of `prompts/formats/*.toml`, with Jinja templates."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

BASE = "transcript"
"""The format for base models."""
ENCODER = "t5"
"""The format for encoder-decoder models."""
LAST_RESORT = "chatml"
"""The format if a model's own template fails and nothing else is known: most models know it."""


class FormatSource(StrEnum):
    """The origin of a prompt format."""

    GGUF = "gguf"
    """The chat template in the model's file."""
    BUILT_IN = "built-in"
    """A named format that ships with modechat."""
    USER = "user file"
    """A named format from the user's config folder."""


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"this is no regular expression ({error})") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_check_pattern)]


class NamedFormat(BaseModel):
    """A prompt format as its file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: str = ""
    """The name that people use."""
    source: str
    """The publisher of the format, and the place."""
    names: tuple[Pattern, ...] = ()
    """Regular expressions for the names of models that were trained on it.

    Names are in small letters with `-` for spaces.
    """
    tokens: tuple[str, ...] = ()
    """Texts of special tokens that the vocabulary of a model with such a name must have."""
    system: str = ""
    """The system text that was published with it, which is sent if the user sets none."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply: turn markers that are plain text to the model."""
    instruct_stop: tuple[str, ...] | None = None
    """Texts that end the reply to a single-shot task; unset: those of `stop`."""
    markers: tuple[str, ...] = ()
    """Texts that begin a role's turn; in a reply in another format they show that it is wrong."""
    sees_history: bool = True
    """False if the prompt of a chat has only its last message."""
    chat_template: str
    """Jinja over `messages` and `add_generation_prompt`."""
    instruct_template: str | None = None
    """Jinja over `instruction`, `input`, `system` and `examples`, which may be empty.

    Examples have `instruction`, `input` and `response`. Without an instruct template a task is one
    user turn of the chat.
    """
    origin: FormatSource = FormatSource.BUILT_IN
    """The origin of the format; it is not written in the file."""


def recognise(
    formats: Iterable[NamedFormat], names: Iterable[str], tokens: Collection[str]
) -> NamedFormat | None:
    """Return the format for a model with these names (of file, of metadata) and special tokens.

    The longest match in a name counts: `mpt-7b-instruct` says more than `instruct`. Among equal
    matches, the format that asks for more tokens counts: `mistral-small` with its own tokens is no
    ordinary `mistral`. Formats whose tokens the vocabulary lacks do not count.
    """
    normal = [re.sub(r"[\s_]+", "-", name.lower()) for name in names]
    best: NamedFormat | None = None
    best_rank = (0, 0)
    for candidate in formats:
        if not all(token in tokens for token in candidate.tokens):
            continue
        length = _longest_match(candidate.names, normal)
        rank = (length, len(candidate.tokens))
        if length and rank > best_rank:
            best, best_rank = candidate, rank
    return best


def _longest_match(patterns: Iterable[str], names: Iterable[str]) -> int:
    """Return the length of the longest match of a pattern in a name; 0 if there is none."""
    longest = 0
    for pattern in patterns:
        for name in names:
            match = re.search(pattern, name)
            if match is not None:
                longest = max(longest, match.end() - match.start())
    return longest
