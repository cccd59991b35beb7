"""Which keys are in force: those of the table of actions, and over them the user's own from `[keys]` in the config.

A key does one thing. Where the user gives a key to an action that another one has by default, the user is obeyed,
and told; two wishes for the same key are a mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from modechat.commands.actions import ACTIONS, Action, Group, slash_usage
from modechat.commands.keys import key_name, read_key
from modechat.domain.key_names import with_keys
from modechat.domain.near import did_you_mean, near

TYPING_KEYS = frozenset(
    (
        *("up", "down", "left", "right", "home", "end", "backspace", "delete"),
        *("shift+up", "shift+down", "shift+left", "shift+right", "shift+home", "shift+end"),
        *("ctrl+left", "ctrl+right", "ctrl+shift+left", "ctrl+shift+right"),
    )
)
"""Keys that move in the text at the prompt and change it, whatever else they could do."""
_BY_ID = {action.id: action for action in ACTIONS}
_DEFAULTS = {action.id: action.keys for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """What is wrong with what the user wants for an action."""

    action_id: str
    problem: str
    hint: str = ""


@dataclass(frozen=True)
class Keymap:
    """Keys by the ids of actions."""

    _keys: Mapping[str, tuple[str, ...]]
    lost: tuple[tuple[str, str, str], ...] = ()
    """A key that the user took from an action: the key, the action that has it now, the one that had it."""
    own: frozenset[str] = frozenset()
    """The actions that the user named."""

    def keys(self, action_id: str) -> tuple[str, ...]:
        """Those of an action, the one that is shown first; none, if it has none."""
        return self._keys.get(action_id, ())

    def name(self, action_id: str) -> str:
        """The first key of an action as people write it; empty if it has none."""
        return next((key_name(key) for key in self.keys(action_id)), "")

    def names(self, action_id: str) -> str:
        """All its keys: `Shift+Enter, Ctrl+J`."""
        return ", ".join(key_name(key) for key in self.keys(action_id))

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know about keys that mean something else now."""
        return tuple(
            f"{key_name(key)} is “{_BY_ID[winner].label}” now, as your config has it, and not “{_BY_ID[loser].label}” "
            f"any more. Another key for that: {loser} = "
            f'"…" under [keys]; {loser} = "{",".join(self.keys(loser))}" leaves it so, and ends this notice.'
            for key, winner, loser in self.lost
        )

    def in_force(self, text: str) -> str:
        """Return a message of ours with the keys that are in force, in place of its marks."""
        return with_keys(text, self._spoken)

    def _spoken(self, action_id: str) -> str | None:
        """Return the key of an action, or the action's label if it has none."""
        action = _BY_ID.get(action_id)
        if action is None:
            return None
        return self.name(action_id) or f"“{action.label}”"


DEFAULT_KEYMAP = Keymap(_DEFAULTS)


def read_keymap(table: object) -> tuple[Keymap, tuple[KeyProblem, ...]]:
    """The keymap with what `table` wants (actions to a key or a list of keys), and all that is wrong with it.

    What is wrong is left out.
    """
    if not isinstance(table, Mapping):
        return DEFAULT_KEYMAP, (KeyProblem("", "this must be a table"),)
    wanted: dict[str, tuple[str, ...]] = {}
    problems: list[KeyProblem] = []
    owners: dict[str, str] = {}
    for name, value in table.items():
        action = _BY_ID.get(name)
        if action is None:
            problems.append(KeyProblem(name, f"there is no action “{name}”", _suggest(name)))
            continue
        keys: list[str] = []
        for written in _texts(value):
            problem, key = _read(action, written)
            if not problem and (other := owners.setdefault(key, name)) != name:
                problem = f"{key_name(key)} is the key of “{_BY_ID[other].label}” ({other}) as well"
            if problem:
                problems.append(KeyProblem(name, problem, _explain(action)))
            elif key not in keys:
                keys.append(key)
        wanted[name] = tuple(keys)
    return _merged(wanted, owners), tuple(problems)


def key_table(
    keymap: Keymap = DEFAULT_KEYMAP,
) -> tuple[tuple[Group, tuple[tuple[str, str], ...]], ...]:
    """Keys and what they do, by group, in the order of the help screen and the README."""
    groups = []
    for group in Group:
        rows = [
            (action.help, keymap.names(action.id)) for action in ACTIONS if action.group is group
        ]
        if shown := tuple((names, text) for text, names in rows if names):
            groups.append((group, shown))
    return tuple(groups)


def _merged(wanted: Mapping[str, tuple[str, ...]], owners: Mapping[str, str]) -> Keymap:
    keys = dict(wanted)
    lost: list[tuple[str, str, str]] = []
    for action in ACTIONS:
        if action.id not in wanted:
            keys[action.id] = tuple(key for key in action.keys if key not in owners)
            lost += [(key, owners[key], action.id) for key in action.keys if key in owners]
    return Keymap(keys, tuple(lost), frozenset(wanted))


def _texts(value: object) -> tuple[object, ...]:
    """The keys of a value of the config: a text, with commas between several, or a list."""
    if isinstance(value, str):
        return tuple(part for part in re.split(r",(?=.)", value) if part.strip())
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _read(action: Action, written: object) -> tuple[str, str]:
    """What is wrong with a key of the config, and the key."""
    if not action.is_binding and not action.keys:
        return f"it has no keys, it is typed: {slash_usage(action)}", ""
    if not isinstance(written, str):
        return f"a key is a text, not {written!r}", ""
    try:
        key = read_key(written)
    except ValueError as error:
        return f"“{written}”: {error}", ""
    if key in TYPING_KEYS:
        return f"{key_name(key)} is for moving and deleting in the prompt", ""
    if key == "enter" and action.group not in (Group.PROMPT, Group.EDITING):
        return "Enter is for the prompt, and chooses in lists", ""
    return "", key


def _suggest(name: str) -> str:
    return did_you_mean((f"“{one}”" for one in near(name, _BY_ID, {})), _BY_ID)


def _explain(action: Action) -> str:
    usual = ", ".join(f'"{key}"' for key in action.keys) or "none"
    return f'A key is written as "ctrl+x", "alt+x", "f5" or "shift+tab"; "" is none. The usual one: {usual}.'
