"""The settings by name, the same in every front end: their values, their sources, and changes.

`/settings` lists them in front ends without a screen. `/settings temperature 0.3` changes one for
this conversation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from modechat.commands.setting_values import (
    SETTINGS,
    Kind,
    Setting,
    WrongValue,
    read_value,
    shown_value,
)
from modechat.domain.modes import Incomplete
from modechat.domain.near import did_you_mean, near
from modechat.domain.own_settings import OwnSettings
from modechat.prompting.prompt_format import CHAT_TEMPLATE
from modechat.session import provenance
from modechat.session.provenance import Valued

if TYPE_CHECKING:
    from modechat.session.chat_session import ChatSession

_RESET = ("default", "reset")


def value_of(setting: Setting, session: ChatSession, *, for_all: bool) -> Valued:
    """Return the value for the open conversation, or if `for_all` the value for all others."""
    effective = session.effective
    own = OwnSettings() if for_all else effective.own
    model, load = session.model, effective.defaults.load
    match setting.kind:
        case Kind.SAMPLING:
            return provenance.sampling_value(
                setting.name, effective.defaults, effective.header, own
            )
        case Kind.SYSTEM:
            return provenance.system_value(
                getattr(effective.defaults, setting.name), getattr(own, setting.name)
            )
        case Kind.CONTEXT if load.n_ctx is not None:
            return Valued(load.n_ctx, "chosen")
        case Kind.CONTEXT:
            return Valued(None if model is None else model.n_ctx, "what fits")
        case Kind.FORMAT if own.format is not None:
            return Valued(own.format, provenance.THIS_CONVERSATION)
        case Kind.FORMAT if effective.default_format is not None:
            return Valued(effective.default_format, "chosen for it")
        case Kind.FORMAT:
            return Valued(None if model is None else model.format, "fits the model")


async def change(
    setting: Setting, value: object, session: ChatSession, *, for_all: bool
) -> Incomplete | None:
    """Use `value` from now on; None: the value that applies without a choice.

    Return the reason if nothing was done. Raises StoreError, and ConfigError if the config file
    cannot be changed (`for_all`).
    """
    effective = session.effective
    if setting.kind is Kind.CONTEXT:
        if for_all:
            await effective.set_defaults({setting.option: value})
        return await session.model_choice.use_context(value if isinstance(value, int) else None)
    if not for_all:
        return await effective.set_own(_with_value(effective.own, setting, value))
    if setting.kind is Kind.FORMAT:
        return await session.model_choice.use_format(value if isinstance(value, str) else None)
    if isinstance(value, tuple):
        value = list(value)
    await effective.set_defaults({setting.option: value})
    return None


def _with_value(own: OwnSettings, setting: Setting, value: object) -> OwnSettings:
    if setting.kind is not Kind.SAMPLING:
        return own.model_copy(update={setting.name: value})
    if setting.name == "stop" and value is None:
        value = ()
    sampling = own.sampling.model_copy(update={setting.name: value})
    return own.model_copy(update={"sampling": sampling})


def setting_lines(session: ChatSession) -> list[str]:
    """List every setting with its value and the source of the value."""
    return [_line(setting, session) for setting in SETTINGS]


def _line(setting: Setting, session: ChatSession) -> str:
    value = value_of(setting, session, for_all=False)
    return f"{setting.name}: {shown_value(value.value)} ({value.source})"


class SettingCommands:
    """The command that shows and changes a setting."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` shows a message to the user."""
        self._say = say

    async def set(self, session: ChatSession, words: str) -> Incomplete | None:
        """Do `NAME VALUE` or `NAME default`, or show the value of `NAME`. Raises StoreError."""
        name, _, text = words.partition(" ")
        names = [setting.name for setting in SETTINGS]
        wanted = name.casefold().replace("-", "_")
        if wanted not in names:
            return Incomplete(
                f"There is no setting “{name}”. {did_you_mean(near(name, names), names)}"
            )
        setting = SETTINGS[names.index(wanted)]
        if not text.strip():
            self._say(f"{_line(setting, session)}. {setting.meaning}")
            return None
        try:
            value = _read(setting, text.strip(), session)
        except WrongValue as error:
            return Incomplete(f"{setting.name}: {error}.")
        reason = await change(setting, value, session, for_all=False)
        if reason is None:
            self._say(_line(setting, session))
        return reason


def _read(setting: Setting, text: str, session: ChatSession) -> object:
    """Return the typed value, or None for `default`. Raises WrongValue."""
    if text.casefold() in _RESET:
        return None
    if setting.kind is Kind.SYSTEM:
        return text
    if setting.kind is not Kind.FORMAT:
        return read_value(setting, text)
    known = {CHAT_TEMPLATE, *(named.name for named in session.settings.load.formats)}
    if text not in known:
        raise WrongValue(f"there is no format “{text}”")
    return text
