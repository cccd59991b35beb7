"""Builds the variants of a comparison, names them, and applies the settings of one afterwards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from modechat.commands.end_notes import leaked_marker
from modechat.domain.conversation import Turn, message_text
from modechat.domain.modes import Incomplete
from modechat.domain.text import in_short, sanitize_line
from modechat.errors import EngineError
from modechat.prompting.candidates import likely_formats
from modechat.session.variants import LEAST_VARIANTS, MOST_VARIANTS, Question, VariantSettings

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

USUAL_COUNT = 3
AS_NOW = "as now"
_SEPARATOR = " · "
_TEMPERATURES = (0.2, 0.7, 1.0, 1.5)
_MOST_SAME = 2
"""The number of extra formats to try, because some may make the same prompt."""
_LONGEST_SYSTEM = 30  # in characters, in a heading
_LONGEST_QUESTION = 400  # in characters, above the columns


def shown_question(question: Question) -> str:
    """Return the beginning of the question in one line."""
    return sanitize_line(message_text(question.request)[:_LONGEST_QUESTION])


@dataclass(frozen=True, slots=True)
class Preset:
    """Variants that users often want."""

    name: str
    about: str
    variants: tuple[VariantSettings, ...] = ()
    columns: str = "…"
    """The columns in one line, safe to show."""


def presets(
    session: ChatSession, question: Question, count: int, same: Collection[str] = ()
) -> tuple[Preset, ...]:
    """Return sets of up to `count` variants. The set that teaches most about a model comes first.

    The formats `same` are left out, because their prompt equals that of another (`same_formats`).
    """
    count = min(max(count, LEAST_VARIANTS), MOST_VARIANTS)
    formats = _formats(session, question, count, same)
    temperatures = _TEMPERATURES[:count]
    if count == LEAST_VARIANTS:
        temperatures = (_TEMPERATURES[0], _TEMPERATURES[-1])
    seeds = range(1, count + 1)
    asked = question.request.mode
    found = (
        Preset(
            "Prompt formats",
            "The current format, and others that are likely to suit the model.",
            tuple(VariantSettings(format=name) for name in formats),
            sanitize_line(_SEPARATOR.join(formats)),
        ),
        Preset(
            "Temperatures",
            "From sober to lively; everything else stays as it is.",
            tuple(VariantSettings(temperature=value) for value in temperatures),
            f"temperature {_SEPARATOR.join(f'{value:g}' for value in temperatures)}",
        ),
        Preset(
            "Seeds",
            "The same settings with other seeds: how much replies differ by chance. "
            "At temperature 0 they do not.",
            tuple(VariantSettings(seed=seed) for seed in seeds),
            f"seed {_SEPARATOR.join(map(str, seeds))}",
        ),
        Preset(
            "Both modes",
            "With the chat's history, and as a task without it.",
            (VariantSettings(mode=asked), VariantSettings(mode=asked.other)),
            f"{asked}{_SEPARATOR}{asked.other}",
        ),
    )
    return tuple(preset for preset in found if len(preset.variants) >= LEAST_VARIANTS)


def label_of_variant(own: VariantSettings) -> str:
    """Return the differences of a variant in words, safe to show."""
    parts: list[str] = []
    if own.model is not None:
        parts.append(PurePath(own.model).stem)
    if own.format:
        parts.append(own.format)
    if own.temperature is not None:
        parts.append(f"temperature {own.temperature:g}")
    if own.seed is not None:
        parts.append(f"seed {own.seed}")
    if own.mode is not None:
        parts.append(str(own.mode))
    if own.system is not None:
        parts.append(_label_of_system(own.system))
    return sanitize_line(_SEPARATOR.join(parts) or AS_NOW)


def labels_of(variants: Sequence[VariantSettings], session: ChatSession) -> tuple[str, ...]:
    """Return a label for each variant beside the others, safe to show.

    If one of them names a model or a format, all of them do.
    """
    model, path = session.model, session.settings.load.model_path
    names_models = any(own.model is not None for own in variants)
    names_formats = any(own.format is not None for own in variants)

    def complete(own: VariantSettings) -> VariantSettings:
        if names_models and own.model is None and path:
            own = replace(own, model=path)
        if names_formats and own.format is None and own.model in (None, path) and model is not None:
            own = replace(own, format=model.format)
        return own

    return tuple(label_of_variant(complete(own)) for own in variants)


async def use_from_now_on(own: VariantSettings, session: ChatSession) -> Incomplete | None:
    """Use a variant's model and format from now on, and its other settings in this conversation.

    Return the reasons why something could not be done; without its model nothing is. Raises
    StoreError.
    """
    if own.model is not None and (reason := await session.model_choice.use(own.model)):
        return reason
    refusals: list[Incomplete | None] = []
    if own.format is not None:
        refusals.append(await session.model_choice.use_format(own.format))
    if own.mode is not None and own.mode is not session.state.mode:
        refusals.append(await session.toggle_mode())
    kept = session.effective.own
    changes: dict[str, object] = {"sampling": own.sampling.over(kept.sampling)}
    if own.system is not None:
        changes |= {"chat_system": own.system, "instruct_system": own.system}
    if (own.system, own.temperature, own.seed) != (None, None, None):
        refusals.append(await session.effective.set_own(kept.model_copy(update=changes)))
    reasons = dict.fromkeys(refusal.reason for refusal in refusals if refusal is not None)
    return Incomplete(" ".join(reasons)) if reasons else None


def question_of(turn: Turn) -> Question:
    """Return the question of a turn of the conversation."""
    return Question(turn.request, turn.typed, turn.id)


async def same_formats(session: ChatSession, question: Question) -> frozenset[str]:
    """Return the formats whose prompt for this message equals that of a likelier format."""
    if session.model is None:
        return frozenset()
    seen: set[str] = set()
    same = set()
    for name in _formats(session, question, MOST_VARIANTS + _MOST_SAME):
        try:
            view = await session.prompts.next(question.request, format=name)
        except EngineError:
            continue  # the format makes no prompt; its variant will report the reason
        if view.text in seen:
            same.add(name)
        seen.add(view.text)
    return frozenset(same)


def _formats(
    session: ChatSession, question: Question, count: int, same: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the formats that are likeliest to suit the model.

    If its reply to this message leaked another role's marker, formats with that marker come first.
    """
    model = session.model
    found = likely_formats(
        session.settings.load.formats,
        None if model is None else model.format,
        min(count + len(same), MOST_VARIANTS + _MOST_SAME),
        leak=_leak(session, question),
        has_template=model is not None and model.has_template,
    )
    return tuple(name for name in found if name not in same)[:count]


def _leak(session: ChatSession, question: Question) -> str:
    """Return the marker that the replaced reply leaked, or ""."""
    if session.conversation is None:
        return ""
    for turn in session.conversation.turns:
        if turn.id == question.in_place_of:
            return leaked_marker(turn.reply)
    return ""


def _label_of_system(text: str) -> str:
    shown = in_short(text, _LONGEST_SYSTEM)
    return f"system “{shown}”" if shown else "no system text"
