"""Named prompt formats: data of `prompts/formats/*.toml`, with Jinja templates of the same kind as a GGUF's."""

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
"""The format where a model's own template fails and nothing else is known: what most models have learnt."""


class FormatSource(StrEnum):
    """Where a prompt format came from."""

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
    """What people call it."""
    source: str
    """Who published the format, and where."""
    names: tuple[Pattern, ...] = ()
    """Regular expressions for the names of models that were trained on it, in small letters with `-` for spaces."""
    tokens: tuple[str, ...] = ()
    """Texts of special tokens that a model's vocabulary must have to be recognised by name."""
    system: str = ""
    """The system text that was published with it: sent where the user sets none."""
    stop: tuple[str, ...] = ()
    """Texts that end a reply: turn markers that are plain text to the model."""
    instruct_stop: tuple[str, ...] | None = None
    """Those of single-shot tasks, where they differ."""
    markers: tuple[str, ...] = ()
    """Texts that begin a role's turn. In the reply of a model with another format they say that the format is wrong."""
    sees_history: bool = True
    """False: a chat's prompt has its last message only."""
    chat_template: str
    """Jinja over `messages` and `add_generation_prompt`."""
    instruct_template: str | None = None
    """Jinja over `instruction`, `input`, `system` and `examples` (with `instruction`, `input`, `response`), which may
    be empty; without it a task is one user turn of the chat."""
    origin: FormatSource = FormatSource.BUILT_IN
    """Not in the file: where the file is."""


def recognise(
    formats: Iterable[NamedFormat], names: Iterable[str], tokens: Collection[str]
) -> NamedFormat | None:
    """The format for a model that has these names (of its file, of its metadata) and special tokens.

    The longest match in a name counts: `mpt-7b-instruct` says more than `instruct`. Of equal ones the format that asks
    for more tokens: `mistral-small` with its own tokens is no ordinary `mistral`. Formats whose tokens the vocabulary
    lacks are out.
    """
    normal = [re.sub(r"[\s_]+", "-", name.lower()) for name in names]
    best: NamedFormat | None = None
    best_rank = (0, 0)
    for candidate in formats:
        if not all(token in tokens for token in candidate.tokens):
            continue
        matches = (re.search(pattern, name) for pattern in candidate.names for name in normal)
        length = max((match.end() - match.start() for match in matches if match), default=0)
        rank = (length, len(candidate.tokens))
        if length and rank > best_rank:
            best, best_rank = candidate, rank
    return best
