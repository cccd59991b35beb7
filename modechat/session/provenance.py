"""Where the value of a setting comes from: this conversation, the command line, the config file,
the model.
"""

from __future__ import annotations

from dataclasses import dataclass

from modechat.domain.own_settings import OwnSettings
from modechat.domain.sampling import DEFAULTS, MODEL_KEYS, Sampling
from modechat.models.gguf import GGUFHeader
from modechat.session.settings import SessionSettings

THIS_CONVERSATION = "this conversation"
CONFIG = "config file"
MODEL = "model's file"
DEFAULT = "default"
_START = "settings"


@dataclass(frozen=True, slots=True)
class Valued:
    """A value and where it comes from. None: nothing limits or sets it."""

    value: object
    source: str


def sampling_value(
    name: str, settings: SessionSettings, header: GGUFHeader | None, own: OwnSettings | None = None
) -> Valued:
    """The value of one sampling setting.

    `settings` are those that hold everywhere; `own` counts over them.
    """
    mine = _said(own.sampling, name) if own is not None else None
    if mine is not None:
        return Valued(mine, THIS_CONVERSATION)
    for source, sampling in (*settings.sampling_sources, (_START, settings.sampling)):
        value = _said(sampling, name)
        if value is not None:
            return Valued(value, source)
    key = MODEL_KEYS.get(name)
    found = header.metadata.get(key) if header is not None and key is not None else None
    if isinstance(found, int | float) and not isinstance(found, bool):
        return Valued(round(found, 4), MODEL)
    return Valued(_said(DEFAULTS, name), DEFAULT)


def system_value(text: str, own: str | None) -> Valued:
    """A system text; `text` is that of everywhere."""
    if own is not None:
        return Valued(own, THIS_CONVERSATION)
    return Valued(text, CONFIG if text else DEFAULT)


def _said(sampling: Sampling, name: str) -> object:
    """None: it says nothing."""
    value = getattr(sampling, name)
    return None if value == () else value
