"""Chooses the hints that fit into a line, such as the lower border of a dialog."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

_SEPARATOR = " · "


def fitting_hints(hints: Sequence[str], width: int) -> str:
    """Join as many hints as fit into `width` cells, in their order.

    The first hint always stays. After it, the one that starts with `Esc` is kept longest.
    """
    kept: list[int] = []
    for at in sorted(range(len(hints)), key=lambda at: (at > 0, not hints[at].startswith("Esc"))):
        more = sorted([*kept, at])
        line = _SEPARATOR.join(hints[one] for one in more)
        if not kept or cell_len(line) <= width:
            kept = more
    return _SEPARATOR.join(hints[one] for one in kept)
