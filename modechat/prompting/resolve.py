"""Chooses the prompt format of a model.

The user's choice comes first, then the model's own chat template if that works, then the format
that the model's names and vocabulary suggest. An unknown model counts as a base model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from modechat.prompting.fallbacks import render_with_fallbacks
from modechat.prompting.formats import BASE, ENCODER, LAST_RESORT, NamedFormat, recognise
from modechat.prompting.prompt_format import (
    AS_IS,
    CHAT_TEMPLATE,
    NO_TOKENS,
    PromptFormat,
    SpecialTokens,
)
from modechat.prompting.renderer import Renderer, TemplateError

_PROBE = [{"role": "user", "content": "Hello"}]
_SYSTEM_PROBE = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Facts that tell which format a model was trained on."""

    names: tuple[str, ...]
    """The names of its file and in its metadata, which are often wrong."""
    chat_template: str | None = None
    tokens: SpecialTokens = NO_TOKENS
    special_texts: frozenset[str] = frozenset()
    is_encoder_decoder: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """The format, the one that replaces it if it refuses, and notes for the user."""

    format: PromptFormat
    fallback_format: PromptFormat
    notes: tuple[str, ...]
    system_fallback: str = AS_IS
    """The fallback that a system text needs with this format."""


def resolve(
    facts: ModelFacts,
    formats: Sequence[NamedFormat],
    render: Renderer,
    chosen: str | None = None,
    shipped: Sequence[NamedFormat] = (),
) -> Resolved:
    """Choose the format of a model.

    `chosen` is the name of a format, or CHAT_TEMPLATE, if the user wants that one. `formats` has
    all known formats, including those for base models, for encoders and the last resort. `shipped`
    has the formats that files of the user replace.
    """
    notes: list[str] = []
    if shipped:
        formats = _working(formats, shipped, facts.tokens, render, notes)
    return _Resolver(facts, formats, render, notes).resolve(chosen)


class _Resolver:
    """Chooses among formats that are known to work; `notes` get what the user should know."""

    def __init__(
        self,
        facts: ModelFacts,
        formats: Sequence[NamedFormat],
        render: Renderer,
        notes: list[str],
    ) -> None:
        self._facts = facts
        self._render = render
        self._notes = notes
        self._by_name = {named.name: named for named in formats}
        self._recognised = recognise(formats, facts.names, facts.special_texts)
        self._fallback = PromptFormat.of_name(self._recognised or self._by_name[LAST_RESORT])

    def resolve(self, chosen: str | None) -> Resolved:
        if chosen is not None and chosen != CHAT_TEMPLATE:
            named = self._chosen(chosen)
            if named is not None:
                return self._named(named)
        if self._facts.is_encoder_decoder:
            self._notes.append(
                "This model turns one text into another: the chat sends it your last message only."
            )
            return self._named(self._by_name[ENCODER])
        template = self._facts.chat_template
        if template and "{" in template:
            return self._own_template(template)
        return self._without_template(template or "")

    def _chosen(self, name: str) -> NamedFormat | None:
        """Return the format that the user chose; None if it does not exist or does not work."""
        named = self._by_name.get(name)
        if named is None:
            self._notes.append(f"There is no format “{name}”.")
            return None
        error = _failure(named.chat_template, self._facts.tokens, self._render)
        if error is not None:
            self._notes.append(f"The format “{name}” fails ({error}).")
            return None
        return named

    def _own_template(self, template: str) -> Resolved:
        error = _failure(template, self._facts.tokens, self._render)
        if error is None:
            return self._resolved(PromptFormat.of_gguf(template))
        self._notes.append(
            f"The model's chat template fails ({error}): using the format “{self._fallback.name}”."
        )
        return Resolved(self._fallback, self._fallback, tuple(self._notes))

    def _without_template(self, template_name: str) -> Resolved:
        """Choose by the model's names, or by a format's name that the file has in place of a
        template.
        """
        named = self._by_name.get(template_name) or self._recognised
        if named is not None:
            self._notes.append(
                f"The model's file has no chat template: by its name, the format is “{named.name}”."
            )
            return self._named(named)
        self._notes.append(
            "The model's file has no chat template, so this is a base model: it continues a "
            "transcript. If it was trained to chat, choose its format with /format."
        )
        return self._named(self._by_name[BASE])

    def _named(self, named: NamedFormat) -> Resolved:
        return self._resolved(PromptFormat.of_name(named))

    def _resolved(self, used: PromptFormat) -> Resolved:
        system_fallback = _system_fallback(used, self._facts.tokens, self._render)
        return Resolved(used, self._fallback, tuple(self._notes), system_fallback)


def _working(
    formats: Sequence[NamedFormat],
    shipped: Sequence[NamedFormat],
    tokens: SpecialTokens,
    render: Renderer,
    notes: list[str],
) -> list[NamedFormat]:
    """Return `formats` with the shipped ones in place of the user's files that fail."""
    replaced = {named.name: named for named in shipped}
    found: list[NamedFormat] = []
    for named in formats:
        error = None
        if named.name in replaced:
            error = _failure(named.chat_template, tokens, render)
        if error is not None:
            notes.append(
                f"Your format “{named.name}” fails ({error}): "
                "the one that ships with modechat is used."
            )
            named = replaced[named.name]
        found.append(named)
    return found


def _failure(template: str, tokens: SpecialTokens, render: Renderer) -> TemplateError | None:
    """Return the error if the template cannot even render one message, else None."""
    try:
        render_with_fallbacks(partial(_render, render, template, tokens), _PROBE)
    except TemplateError as error:
        return error
    return None


def _system_fallback(used: PromptFormat, tokens: SpecialTokens, render: Renderer) -> str:
    try:
        rendered = render_with_fallbacks(
            partial(_render, render, used.chat_template, tokens), _SYSTEM_PROBE
        )
    except TemplateError:
        return "no system text"
    return rendered.fallback


def _render(
    render: Renderer, template: str, tokens: SpecialTokens, messages: Sequence[Mapping[str, Any]]
) -> str:
    return render(template, messages, tokens.bos, tokens.eos, add_generation_prompt=True)
