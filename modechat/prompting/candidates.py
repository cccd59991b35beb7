"""Which prompt format to try next where the one in use seems wrong."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from modechat.prompting.prompt_format import CHAT_TEMPLATE

if TYPE_CHECKING:
    from modechat.prompting.formats import NamedFormat

_LIKELY = ("chatml", "alpaca", "vicuna", "llama-2", "human-assistant")
"""What most models without a template of their own were trained on."""
_NOT_FOR_CHAT = ("transcript", "completion", "t5")


def next_format(
    formats: Sequence[NamedFormat],
    tried: Collection[str],
    *,
    leak: str = "",
    has_template: bool = False,
) -> str | None:
    """The name of the format that is likeliest right, of those that were not `tried`; None if none is left.

    `leak` is another role's marker that the model wrote: formats with this marker come first. Then the model's own
    template, if it has one, and what is widespread.
    """
    names = [named.name for named in formats if named.name not in _NOT_FOR_CHAT]
    names.sort(key=lambda name: _LIKELY.index(name) if name in _LIKELY else len(_LIKELY))
    writers = {
        named.name
        for named in formats
        if leak.strip() in {marker.strip() for marker in named.markers}
    }
    leaked = [name for name in names if name in writers]
    own = [CHAT_TEMPLATE] if has_template else []
    return next((name for name in (*leaked, *own, *names) if name not in tried), None)


def likely_formats(
    formats: Sequence[NamedFormat],
    used: str | None,
    count: int,
    *,
    leak: str = "",
    has_template: bool = False,
) -> tuple[str, ...]:
    """The format in `used`, and those to try next, the likeliest first; at most `count`."""
    found = [used] if used is not None else []
    while len(found) < count:
        name = next_format(formats, found, leak=leak, has_template=has_template)
        if name is None:
            break
        found.append(name)
    return tuple(found)
