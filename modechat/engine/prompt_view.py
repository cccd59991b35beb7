"""Defines the view of a prompt that the inspector and `modechat prompt` show."""

from __future__ import annotations

from modechat.engine.requests import Frozen
from modechat.prompting.formats import FormatSource


class TokenView(Frozen):
    """One token of a prompt. `text` has U+FFFD where a character is split between tokens."""

    id: int
    text: str
    control: bool


class PromptView(Frozen):
    """A prompt exactly as the model gets it."""

    text: str
    tokens: tuple[TokenView, ...]
    """The tokens, with the BOS that the vocabulary asks for.

    Their texts joined are `text`, except for split characters.
    """
    parts: tuple[tuple[str, int], ...]
    """Tokens of each part in order: `template`, `system`, `user`, `assistant`, `instruction`,
    `input`, `example`, `prefill`.
    """
    format: str
    format_source: FormatSource
    fallback: str
    neutralised: tuple[str, ...]
    """Texts of control tokens in messages, system text and examples that are plain text here."""
    stop: tuple[str, ...]
