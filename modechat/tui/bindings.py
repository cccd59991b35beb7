"""Makes Textual's bindings from the keys in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding, BindingsMap

from modechat.commands.actions import ACTIONS, Action
from modechat.commands.keymap import DEFAULT_KEYMAP, Keymap

if TYPE_CHECKING:
    from textual.dom import DOMNode

EVERYWHERE = {"palette": "palette", "suspend": "suspend_process", "quit": "quit"}
"""Actions that work on every screen, with Textual's names for them."""


def bind_actions(node: DOMNode, keymap: Keymap) -> None:
    """Bind on `node` the keys of the chat screen's actions."""
    _bind(
        node, keymap, {action: f"act('{action.id}')" for action in ACTIONS if _is_on_screen(action)}
    )


def bind_on_every_screen(node: DOMNode, keymap: Keymap) -> None:
    """Bind on `node` the keys that work on every screen, in place of Textual's own."""
    node._bindings = BindingsMap()  # Textual's own keymap cannot remove a key
    _bind(
        node,
        keymap,
        {action: EVERYWHERE[action.id] for action in ACTIONS if action.id in EVERYWHERE},
    )


def bind_in_dialog(dialog: DOMNode, keymap: Keymap, action_id: str, method: str) -> None:
    """Bind in a dialog the keys of an action of the table to the dialog's own action `method`."""
    for key in keymap.keys(action_id):
        _add(dialog, Binding(key, method, show=False, priority=True))


def bind_edits(node: DOMNode, keymap: Keymap) -> None:
    """Bind on a text area the keys that edit text, in place of Textual's own."""
    bound = node._bindings.key_to_bindings
    edits = [action for action in ACTIONS if action.edits]
    for key in {key for action in edits for key in action.keys}:
        bound.pop(key, None)
    for action in edits:
        for key in keymap.keys(action.id):
            bound[key] = [Binding(key, action.edits, action.label, show=False)]


def newline_keys(keymap: Keymap) -> frozenset[str]:
    """Return the keys that begin a new line.

    Unless the user chose the keys, Ctrl+Enter and Alt+Enter are added for terminals that tell them
    from Enter.
    """
    keys = set(keymap.keys("newline"))
    if "newline" not in keymap.own:
        keys |= {"ctrl+enter", "alt+enter"}
    return frozenset(keys - set(keymap.keys("send")))


def keymap_of(node: DOMNode) -> Keymap:
    """Return the keys in force where a widget or a screen is."""
    return getattr(node.app, "keymap", DEFAULT_KEYMAP)


def _bind(node: DOMNode, keymap: Keymap, names: dict[Action, str]) -> None:
    for action, name in names.items():
        for key in keymap.keys(action.id):
            # The prompt has the focus and would take some of these keys, so they have priority.
            _add(node, Binding(key, name, action.label, show=False, priority=True))


def _add(node: DOMNode, binding: Binding) -> None:
    bound = node._bindings.key_to_bindings
    # A new list: Textual's list belongs to the class.
    bound[binding.key] = [
        *bound.get(binding.key, ()),
        binding,
    ]


def _is_on_screen(action: Action) -> bool:
    return action.is_binding and action.id not in EVERYWHERE
