"""Chooses the prompt format to try next when the one in use seems wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from modechat.prompting.prompt_format import CHAT_TEMPLATE

if TYPE_CHECKING:
    from modechat.prompting.formats import NamedFormat

_LIKELY = ("chatml", "alpaca", "vicuna", "llama-2", "human-assistant")
"""Formats that most models without a template of their own were trained on."""
_NOT_FOR_CHAT = ("transcript", "completion", "t5")


def next_format(
    formats: Sequence[NamedFormat],
    tried: Collection[str],
    *,
    leak: str,
    has_template: bool,
) -> str | None:
    """Return the likeliest format of those that were not `tried`; None if none is left.

    `leak` is another role's marker that the model wrote: formats with this marker come first. The
    model's own template, if it has one, comes next, then widespread formats.
    """
    for_chat = [named for named in formats if named.name not in _NOT_FOR_CHAT]
    for_chat.sort(key=_likelihood)
    likeliest = [named.name for named in for_chat if _writes(named, leak)]
    if has_template:
        likeliest.append(CHAT_TEMPLATE)
    likeliest += [named.name for named in for_chat]
    for name in likeliest:
        if name not in tried:
            return name
    return None


def _likelihood(named: NamedFormat) -> int:
    """Return a format's place in the order of likelihood; the likeliest is first."""
    return _LIKELY.index(named.name) if named.name in _LIKELY else len(_LIKELY)


def _writes(named: NamedFormat, marker: str) -> bool:
    return marker.strip() in map(str.strip, named.markers)


def likely_formats(
    formats: Sequence[NamedFormat],
    used: str | None,
    count: int,
    *,
    leak: str = "",
    has_template: bool = False,
) -> tuple[str, ...]:
    """Return the format in `used` and those to try next, the likeliest first; at most `count`."""
    found = [] if used is None else [used]
    while len(found) < count:
        name = next_format(formats, found, leak=leak, has_template=has_template)
        if name is None:
            break
        found.append(name)
    return tuple(found)
