"""The settings that users change while the program runs, and a parser for their typed values.

The pydantic models of the config file check the values, so that both accept the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from modechat.config import Config
from modechat.domain.sampling import Sampling
from modechat.domain.text import quoted, sanitize_line
from modechat.field_docs import field_docs


class Kind(StrEnum):
    """The kind of a setting, which decides where its value is stored."""

    SAMPLING = "sampling"
    CONTEXT = "context"
    SYSTEM = "system"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that has a name."""

    name: str
    """The name of the field."""
    label: str
    kind: Kind
    option: str
    """The name in the config file; empty if it is stored elsewhere."""
    meaning: str
    """The effect, in a sentence."""
    range: str = ""
    """The allowed values, in words."""


class WrongValue(ValueError):
    """The typed text is no value of the setting. The message gives the reason."""


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def range_of(model: type[BaseModel], name: str) -> str:
    """Return the allowed values of a number in words, or "" for other settings."""
    limits: dict[str, Any] = {}
    for part in _parts(model.model_fields[name].annotation, model.model_fields[name].metadata):
        for limit in ("ge", "gt", "le", "lt"):
            if hasattr(part, limit):
                limits[limit] = getattr(part, limit)
    low = ""
    if "ge" in limits:
        low = f"from {limits['ge']:,}"
    elif "gt" in limits:
        low = f"above {limits['gt']:,}"
    high = limits.get("le", limits.get("lt"))
    if high is None or high >= 1 << 30:  # a limit of the number type
        return f"{low} on" if low.startswith("from") else low
    return f"{low} to {high:,}" if low else f"up to {high:,}"


def _parts(annotation: Any, metadata: Iterable[Any]) -> Iterable[Any]:
    """Yield the objects that may hold a limit, also inside unions and annotated types."""
    for part in (*metadata, *getattr(annotation, "__metadata__", ())):
        yield part
        yield from getattr(part, "metadata", ())
    for inner in get_args(annotation):
        if inner is not type(None) and hasattr(inner, "__metadata__"):
            yield from _parts(None, inner.__metadata__)


_RANGES = {"stop": "texts in quotes, commas between them", "stop_repetition": "on or off"}
_SWITCHED = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}

SETTINGS = (
    *(
        Setting(
            name,
            _label(name),
            Kind.SAMPLING,
            f"sampling.{name}",
            field_docs(Sampling).get(name, ""),
            _RANGES.get(name) or range_of(Sampling, name),
        )
        for name in Sampling.model_fields
    ),
    Setting(
        "n_ctx",
        "Context size",
        Kind.CONTEXT,
        "n_ctx",
        field_docs(Config).get("n_ctx", "") + " Loads the model again.",
        range_of(Config, "n_ctx"),
    ),
    Setting(
        "chat_system",
        "System, chat",
        Kind.SYSTEM,
        "chat.system_prompt",
        "What the model is told before the chat.",
    ),
    Setting(
        "instruct_system",
        "System, instruct",
        Kind.SYSTEM,
        "instruct.system_prompt",
        "What the model is told before every instruction.",
    ),
    Setting("format", "Prompt format", Kind.FORMAT, "", "How messages become the model's prompt."),
)


def read_value(setting: Setting, text: str) -> object:
    """Return the typed value, or None for an empty text.

    Raises WrongValue with pydantic's reason.
    """
    text = text.strip()
    if not text:
        return None
    value = _parsed(setting, text)
    model = Config if setting.kind is Kind.CONTEXT else Sampling
    try:
        checked = model.model_validate({setting.name: value})
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"]
        raise WrongValue(f"{reason[0].lower()}{reason[1:]}") from error
    return getattr(checked, setting.name)


def _parsed(setting: Setting, text: str) -> object:
    if setting.name == "stop":
        return _texts(text)
    if setting.name == "stop_repetition":
        return _SWITCHED.get(text.casefold(), text)
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            pass
    return text


def _texts(text: str) -> list[str]:
    """Read texts such as `"###", "\\nUser:"`; a single text may stand without quotes."""
    if '"' not in text:
        return [text]
    try:
        found = json.loads(f"[{text}]")
    except (ValueError, RecursionError) as error:
        raise WrongValue('write them as "###", "\\nUser:"') from error
    texts: list[str] = []
    for one in found:
        if not isinstance(one, str) or not one:
            raise WrongValue("every one must be a text that is not empty")
        texts.append(one)
    return texts


def shown_value(value: object) -> str:
    """Return a value in the form in which it is typed; `–` for no value."""
    if value is None or value in ((), ""):
        return "–"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ", ".join(map(quoted, value))
    return sanitize_line(str(value))
