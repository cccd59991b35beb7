"""Finds the source of a setting's value.

It is this conversation, the command line, the config file, the model's file or the default.
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
    """A value and its source. None: no limit, or not set."""

    value: object
    source: str


def sampling_value(
    name: str, settings: SessionSettings, header: GGUFHeader | None, own: OwnSettings | None = None
) -> Valued:
    """Return the value of one sampling setting.

    `settings` hold for all conversations; `own` has precedence over them.
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
    """Return the system text: the conversation's `own`, or else `text` from the settings."""
    if own is not None:
        return Valued(own, THIS_CONVERSATION)
    return Valued(text, CONFIG if text else DEFAULT)


def _said(sampling: Sampling, name: str) -> object:
    """Return the setting's value, or None if it is not set."""
    value = getattr(sampling, name)
    return None if value == () else value
