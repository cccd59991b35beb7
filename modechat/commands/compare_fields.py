"""Shows, reads and changes the values in the fields of a variant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePath

from modechat.commands.setting_values import SETTINGS, read_value, shown_value
from modechat.domain.mode import Mode
from modechat.domain.text import sanitize_line
from modechat.session.variants import VariantSettings

_BY_NAME = {setting.name: setting for setting in SETTINGS}


class How(Enum):
    """The way in which the user gives a value."""

    CHOSEN = "chosen"
    """The user chooses it from a list."""
    TYPED = "typed"
    TOGGLED = "toggled"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting that can differ between variants."""

    name: str
    label: str
    how: How
    about: str


FIELDS = (
    Field("format", "Prompt format", How.CHOSEN, "How messages become the model's prompt."),
    Field(
        "model",
        "Model",
        How.CHOSEN,
        "Another model file. It is loaded for the comparison only.",
    ),
    Field(
        "temperature",
        "Temperature",
        How.TYPED,
        "Randomness: 0 always takes the likeliest token, 0.7 is lively.",
    ),
    Field("seed", "Seed", How.TYPED, "The same seed, prompt and settings give the same reply."),
    Field(
        "system",
        "System text",
        How.TYPED,
        "What the model is told before the message; “none” for nothing.",
    ),
    Field("mode", "Mode", How.TOGGLED, "With the chat's history, or as a task without it."),
)
_NO_TEXT = "none"


def shown(field: Field, own: VariantSettings) -> str:
    """Return the value in a variant, safe to show; `–` if the variant does not change it."""
    value = getattr(own, field.name)
    if field.name == "model" and value is not None:
        return sanitize_line(PurePath(value).stem)
    if value == "":
        return _NO_TEXT
    return shown_value(value)


def typed(field: Field, text: str) -> object:
    """Return the typed value, or None for an empty text. Raises WrongValue."""
    if field.name == "system":
        text = text.strip()
        if text.casefold() == _NO_TEXT:
            return ""
        return text or None
    return read_value(_BY_NAME[field.name], text)


def toggled(own: VariantSettings) -> VariantSettings:
    """Return the variant with the next mode in the cycle: that of the message, chat, instruct."""
    modes = (None, Mode.CHAT, Mode.INSTRUCT)
    return replace(own, mode=modes[(modes.index(own.mode) + 1) % len(modes)])


def changed(field: Field, own: VariantSettings, value: object) -> VariantSettings:
    """Return the variant with another value of a field."""
    return replace(own, **{field.name: value})  # type: ignore[arg-type]
