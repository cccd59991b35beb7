"""Which prompt format a model gets: the user's choice, else its own chat template if that works, else what its names
and its vocabulary say; a model of which nothing is known is a base model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modechat.prompting.fallbacks import AS_IS, render_with_fallbacks
from modechat.prompting.formats import BASE, ENCODER, LAST_RESORT, NamedFormat, recognise
from modechat.prompting.prompt_format import CHAT_TEMPLATE, NO_TOKENS, PromptFormat, SpecialTokens
from modechat.prompting.renderer import Renderer, TemplateError

_PROBE = [{"role": "user", "content": "Hello"}]
_SYSTEM_PROBE = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What tells which format a model was trained on."""

    names: tuple[str, ...]
    """Of its file and in its metadata; they are often wrong."""
    chat_template: str | None = None
    tokens: SpecialTokens = NO_TOKENS
    special_texts: frozenset[str] = frozenset()
    is_encoder_decoder: bool = False


@dataclass(frozen=True, slots=True)
class Resolved:
    """The format, what takes its place where it refuses, and what the user should know about the choice."""

    format: PromptFormat
    fallback_format: PromptFormat
    notes: tuple[str, ...] = ()
    system_fallback: str = AS_IS
    """What a system text needs with this format."""


def resolve(
    facts: ModelFacts,
    formats: Sequence[NamedFormat],
    render: Renderer,
    chosen: str | None = None,
    shipped: Sequence[NamedFormat] = (),
) -> Resolved:
    """`chosen` is the name of a format, or CHAT_TEMPLATE, if the user wants that one; `formats` has all that are known,
    among them those for base models, for encoders and the last resort. `shipped` are those that files of the user have
    the place of."""
    notes: list[str] = []
    formats = _working(formats, shipped, facts.tokens, render, notes) if shipped else formats
    by_name = {named.name: named for named in formats}
    recognised = recognise(formats, facts.names, facts.special_texts)
    fallback = PromptFormat.of_name(recognised or by_name[LAST_RESORT])
    template = facts.chat_template if facts.chat_template and "{" in facts.chat_template else None
    if chosen is not None and chosen != CHAT_TEMPLATE:
        if named := by_name.get(chosen):
            if not (error := _failure(named.chat_template, facts.tokens, render)):
                return _named(named, fallback, facts, render, *notes)
            notes.append(f"The format “{chosen}” fails ({error}).")
        else:
            notes.append(f"There is no format “{chosen}”.")
    if facts.is_encoder_decoder:
        return _named(
            by_name[ENCODER],
            fallback,
            facts,
            render,
            *notes,
            "This model turns one text into another: the chat sends it your last message only.",
        )
    if template is not None:
        if error := _failure(template, facts.tokens, render):
            notes.append(
                f"The model's chat template fails ({error}): using the format “{fallback.name}”."
            )
            return Resolved(fallback, fallback, tuple(notes))
        own = PromptFormat.of_gguf(template)
        return Resolved(own, fallback, tuple(notes), _system_fallback(own, facts.tokens, render))
    named = by_name.get(facts.chat_template or "") or recognised
    if named is not None:
        notes.append(
            f"The model's file has no chat template: by its name, the format is “{named.name}”."
        )
        return _named(named, fallback, facts, render, *notes)
    notes.append(
        "The model's file has no chat template, so this is a base model: it continues a transcript. If it was trained "
        "to chat, choose its format with /format."
    )
    return _named(by_name[BASE], fallback, facts, render, *notes)


def _working(
    formats: Sequence[NamedFormat],
    shipped: Sequence[NamedFormat],
    tokens: SpecialTokens,
    render: Renderer,
    notes: list[str],
) -> list[NamedFormat]:
    """`formats` with the shipped ones back in the place of files that fail."""
    back = {named.name: named for named in shipped}
    found = []
    for named in formats:
        if named.name in back and (error := _failure(named.chat_template, tokens, render)):
            notes.append(
                f"Your format “{named.name}” fails ({error}): the one that ships with modechat is used."
            )
            found.append(back[named.name])
        else:
            found.append(named)
    return found


def _named(
    named: NamedFormat, fallback: PromptFormat, facts: ModelFacts, render: Renderer, *notes: str
) -> Resolved:
    chosen = PromptFormat.of_name(named)
    return Resolved(chosen, fallback, notes, _system_fallback(chosen, facts.tokens, render))


def _failure(template: str, tokens: SpecialTokens, render: Renderer) -> TemplateError | None:
    """Why the template cannot even render one message; None if it can."""
    try:
        render_with_fallbacks(lambda messages: _render(render, template, messages, tokens), _PROBE)
    except TemplateError as error:
        return error
    return None


def _system_fallback(used: PromptFormat, tokens: SpecialTokens, render: Renderer) -> str:
    try:
        return render_with_fallbacks(
            lambda messages: _render(render, used.chat_template, messages, tokens), _SYSTEM_PROBE
        ).fallback
    except TemplateError:
        return "no system text"


def _render(
    render: Renderer, template: str, messages: list[dict[str, str]], tokens: SpecialTokens
) -> str:
    return render(template, messages, tokens.bos, tokens.eos, add_generation_prompt=True)
