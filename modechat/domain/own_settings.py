"""What a conversation has of its own, in place of the settings that hold everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from modechat.domain.sampling import Sampling


class OwnSettings(BaseModel):
    """None, and what is unset of the sampling: as everywhere."""

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
    """As JSON, for `read_own`; None if there is nothing to keep."""
    return (
        None
        if own.is_empty
        else json.dumps(own.model_dump(exclude_defaults=True), ensure_ascii=False)
    )


def read_own(text: str | None) -> OwnSettings:
    """What `written` gave, of this version or another: what is not understood is left out."""
    if not text:
        return OwnSettings()
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return OwnSettings()
    if not isinstance(found, dict):
        return OwnSettings()
    sampling = found.get("sampling")
    usable = {
        name: value
        for name, value in found.items()
        if name != "sampling" and _fits(OwnSettings, name, value)
    }
    if isinstance(sampling, dict):
        usable["sampling"] = {
            name: value for name, value in sampling.items() if _fits(Sampling, name, value)
        }
    return OwnSettings.model_validate(usable)


def _fits(model: type[BaseModel], name: str, value: object) -> bool:
    fields: Mapping[str, object] = {name: value}
    try:
        model.model_validate(fields)
    except ValidationError:
        return False
    return True
