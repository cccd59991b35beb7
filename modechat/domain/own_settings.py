"""The settings that belong to one conversation and replace the defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from modechat.domain.sampling import Sampling


class OwnSettings(BaseModel):
    """Settings of one conversation.

    The defaults replace None and sampling settings that are not set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sampling: Sampling = Sampling()
    chat_system: str | None = None
    """The system text of chat turns."""
    instruct_system: str | None = None
    format: str | None = None
    """The prompt format."""

    @property
    def is_empty(self) -> bool:
        return self == OwnSettings()


def written(own: OwnSettings) -> str | None:
    """Return the settings as JSON, for `read_own`, or None if there are none."""
    if own.is_empty:
        return None
    return json.dumps(own.model_dump(exclude_defaults=True), ensure_ascii=False)


def read_own(text: str | None) -> OwnSettings:
    """Read the result of `written`, from this version or another. Unknown settings are left out."""
    if not text:
        return OwnSettings()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return OwnSettings()
    if not isinstance(found, dict):
        return OwnSettings()
    sampling = found.pop("sampling", None)
    usable = _usable(OwnSettings, found)
    if isinstance(sampling, dict):
        usable["sampling"] = _usable(Sampling, sampling)
    return OwnSettings.model_validate(usable)


def _usable(model: type[BaseModel], found: Mapping[str, object]) -> dict[str, object]:
    """Return the fields that are valid in the model."""
    return {name: value for name, value in found.items() if _fits(model, name, value)}


def _fits(model: type[BaseModel], name: str, value: object) -> bool:
    fields: Mapping[str, object] = {name: value}
    try:
        model.model_validate(fields)
    except ValidationError:
        return False
    return True
