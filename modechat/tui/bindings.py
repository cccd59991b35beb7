"""The keys of the table of actions as Textual's bindings, and who does what an action asks for."""

from __future__ import annotations

from collections.abc import Callable

from textual.binding import Binding, BindingType

from modechat.commands.actions import ACTIONS, Action


def binding_of(action: Action) -> Binding:
    # Priority, because the prompt has the focus and would take some of these keys for itself.
    return Binding(
        ",".join(action.keys),
        f"act('{action.id}')",
        action.label,
        show=False,
        priority=True,
        id=action.id,
        tooltip=action.help,
    )


BINDINGS: list[BindingType] = [binding_of(action) for action in ACTIONS if action.is_binding]


class ActionHandlers:
    """Finds who does an action: each of `groups` has methods that are named as the actions that it does."""

    def __init__(self, *groups: object) -> None:
        self._groups = groups

    def __getitem__(self, action_id: str) -> Callable[[], object]:
        """Raises KeyError if nobody does it."""
        for group in self._groups:
            if (handler := getattr(group, action_id, None)) is not None:
                assert callable(handler)
                return handler  # type: ignore[no-any-return]
        raise KeyError(action_id)
