"""Settings by name, the same in every front end: their values with where they come from, and changing them.

`/settings` lists them where there is no screen for it; `/settings temperature 0.3` changes one for this conversation.
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
    """What counts for the open conversation, or `for_all` else."""
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
            return Valued(model.n_ctx if model is not None else None, "what fits")
        case Kind.FORMAT if own.format is not None:
            return Valued(own.format, provenance.THIS_CONVERSATION)
        case Kind.FORMAT if effective.default_format is not None:
            return Valued(effective.default_format, "chosen for it")
        case Kind.FORMAT:
            return Valued(model.format if model is not None else None, "fits the model")


async def change(
    setting: Setting, value: object, session: ChatSession, *, for_all: bool
) -> Incomplete | None:
    """Have `value` (None: what counts without it) used from now on; why not, if nothing was done.

    Raises StoreError, or ConfigError where it cannot be written for `for_all`.
    """
    effective = session.effective
    if setting.kind is Kind.CONTEXT:
        if for_all:
            await effective.set_defaults({setting.option: value})
        return await session.model_choice.use_context(value if isinstance(value, int) else None)
    if for_all and setting.kind is Kind.FORMAT:
        return await session.model_choice.use_format(value if isinstance(value, str) else None)
    if for_all:
        await effective.set_defaults(
            {setting.option: list(value) if isinstance(value, tuple) else value}
        )
        return None
    own = effective.own
    if setting.kind is Kind.SAMPLING:
        wanted = () if setting.name == "stop" and value is None else value
        sampling = own.sampling.model_copy(update={setting.name: wanted})
        return await effective.set_own(own.model_copy(update={"sampling": sampling}))
    return await effective.set_own(own.model_copy(update={setting.name: value}))


def setting_lines(session: ChatSession) -> list[str]:
    """Every setting with its value, and where that comes from."""
    values = ((setting, value_of(setting, session, for_all=False)) for setting in SETTINGS)
    return [
        f"{setting.name}: {shown_value(value.value)} ({value.source})" for setting, value in values
    ]


class SettingCommands:
    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` tells the user something that needs no answer."""
        self._say = say

    async def set(self, session: ChatSession, words: str) -> Incomplete | None:
        """`NAME VALUE`, or `NAME default`. Raises StoreError."""
        name, _, text = words.partition(" ")
        names = [setting.name for setting in SETTINGS]
        wanted = name.casefold().replace("-", "_")
        if wanted not in names:
            return Incomplete(
                f"There is no setting “{name}”. {did_you_mean(near(name, names), names)}"
            )
        setting = SETTINGS[names.index(wanted)]
        if not text.strip():
            value = value_of(setting, session, for_all=False)
            self._say(
                f"{setting.name}: {shown_value(value.value)} ({value.source}). {setting.meaning}"
            )
            return None
        try:
            value_said = _read(setting, text.strip(), session)
        except WrongValue as error:
            return Incomplete(f"{setting.name}: {error}.")
        reason = await change(setting, value_said, session, for_all=False)
        if reason is None:
            shown = value_of(setting, session, for_all=False)
            self._say(f"{setting.name}: {shown_value(shown.value)} ({shown.source})")
        return reason


def _read(setting: Setting, text: str, session: ChatSession) -> object:
    """Raises WrongValue."""
    if text.casefold() in _RESET:
        return None
    if setting.kind is Kind.SYSTEM:
        return text
    if setting.kind is not Kind.FORMAT:
        return read_value(setting, text)
    if text not in (CHAT_TEMPLATE, *(named.name for named in session.settings.load.formats)):
        raise WrongValue(f"there is no format “{text}”")
    return text
