"""The line with the few keys that matter now: `Enter sends · Shift+Tab mode · F1 help`."""

from __future__ import annotations

from modechat.commands.actions import ACTIONS, Moment
from modechat.commands.keymap import Keymap

_SEPARATOR = " · "


def moment_of(*, is_busy: bool, is_selected: bool) -> Moment:
    """Return the moment that describes the screen."""
    if is_busy:
        return Moment.SELECTED_BUSY if is_selected else Moment.BUSY
    return Moment.SELECTED if is_selected else Moment.IDLE


def hint_line(moment: Moment, keymap: Keymap, width: int = 0) -> str:
    """Return the hints of a moment, in at most `width` cells if it is given.

    If they do not fit, the last hint but one is dropped, until only the first is left.
    """
    parts: list[str] = []
    for action in ACTIONS:
        name = keymap.name(action.id)
        if name and moment in action.moments:
            parts.append(f"{name} {action.hint}")
    if moment is Moment.SELECTED and (stop := keymap.name("stop")):
        parts.append(f"{stop} lets go")  # the effect of the key if there is nothing to stop
    while width > 0 and len(parts) > 1 and len(_SEPARATOR.join(parts)) > width:
        last_but_one = max(1, len(parts) - 2)
        del parts[last_but_one]
    return _SEPARATOR.join(parts)
