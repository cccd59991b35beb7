"""The few keys that matter now, in one line: `Enter sends · Shift+Tab mode · F1 help`."""

from __future__ import annotations

from modechat.commands.actions import ACTIONS, Moment
from modechat.commands.keymap import Keymap

_SEPARATOR = " · "


def moment_of(*, is_busy: bool, is_selected: bool) -> Moment:
    """The moment at which a reply is written or not, and a message is selected or not."""
    if is_selected:
        return Moment.SELECTED_BUSY if is_busy else Moment.SELECTED
    return Moment.BUSY if is_busy else Moment.IDLE


def hint_line(moment: Moment, keymap: Keymap, width: int = 0) -> str:
    """At most `width` cells, if it is given. What does not fit goes: the last but one, until the first is alone."""
    parts = [
        f"{name} {action.hint}"
        for action in ACTIONS
        if moment in action.moments and (name := keymap.name(action.id))
    ]
    if moment is Moment.SELECTED and (stop := keymap.name("stop")):
        parts.append(f"{stop} lets go")  # what it does where there is nothing to stop
    while width > 0 and len(parts) > 1 and len(_SEPARATOR.join(parts)) > width:
        del parts[-2 if len(parts) > 2 else -1]
    return _SEPARATOR.join(parts)
