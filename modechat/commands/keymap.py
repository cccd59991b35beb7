"""The keys in force: the usual ones of the table of actions, and the user's own from `[keys]`.

A key does one thing. If the user gives an action the usual key of another one, a notice says that
the other one has lost it. Two actions of `[keys]` with the same key are an error.
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
    {
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "backspace",
        "delete",
        "shift+up",
        "shift+down",
        "shift+left",
        "shift+right",
        "shift+home",
        "shift+end",
        "ctrl+left",
        "ctrl+right",
        "ctrl+shift+left",
        "ctrl+shift+right",
    }
)
"""Keys that move the cursor or change the text at the prompt: no action can have them."""
_BY_ID = {action.id: action for action in ACTIONS}
_DEFAULTS = {action.id: action.keys for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """A problem with a key of the config."""

    action_id: str
    problem: str
    hint: str = ""


@dataclass(frozen=True)
class Keymap:
    """The keys of every action."""

    _keys: Mapping[str, tuple[str, ...]]
    lost: tuple[tuple[str, str, str], ...] = ()
    """Usual keys that went to other actions: the key, the action that has it, the one that lost
    it."""
    own: frozenset[str] = frozenset()
    """The actions that have keys in the config."""

    def keys(self, action_id: str) -> tuple[str, ...]:
        """Return the keys of an action; the first is the one that is shown."""
        return self._keys.get(action_id, ())

    def name(self, action_id: str) -> str:
        """Return the first key of an action as people write it, or "" if it has none."""
        for key in self.keys(action_id):
            return key_name(key)
        return ""

    def names(self, action_id: str) -> str:
        """Return all keys of an action: `Shift+Enter, Ctrl+J`."""
        return ", ".join(map(key_name, self.keys(action_id)))

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences that say which usual keys have another effect now."""
        notices: list[str] = []
        for key, winner, loser in self.lost:
            now, before = _BY_ID[winner].label, _BY_ID[loser].label
            kept = ",".join(self.keys(loser))
            notices.append(
                f"{key_name(key)} is “{now}” now, as your config has it, "
                f"and not “{before}” any more. "
                f'Another key for that: {loser} = "…" under [keys]; '
                f'{loser} = "{kept}" leaves it so, and ends this notice.'
            )
        return tuple(notices)

    def name_keys(self, text: str) -> str:
        """Return a message of the program with the user's keys in place of its marks."""
        return with_keys(text, self._spoken)

    def _spoken(self, action_id: str) -> str | None:
        """Return the key of an action, or the action's label if it has none."""
        action = _BY_ID.get(action_id)
        if action is None:
            return None
        return self.name(action_id) or f"“{action.label}”"


DEFAULT_KEYMAP = Keymap(_DEFAULTS)


def read_keymap(table: object) -> tuple[Keymap, tuple[KeyProblem, ...]]:
    """Read the keys of the config: a table of actions, each with a key or a list of keys.

    Return the keymap, without the wrong entries of the table, and their problems.
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
    """List keys with their effects, by group, in the order of the help screen and the documents."""
    table = []
    for group in Group:
        rows = []
        for action in ACTIONS:
            if action.group is group and (names := keymap.names(action.id)):
                rows.append((names, action.help))
        if rows:
            table.append((group, tuple(rows)))
    return tuple(table)


def _merged(wanted: Mapping[str, tuple[str, ...]], owners: Mapping[str, str]) -> Keymap:
    """Give the other actions their usual keys, except those that an action of `owners` took."""
    keys = dict(wanted)
    lost: list[tuple[str, str, str]] = []
    for action in ACTIONS:
        if action.id in wanted:
            continue
        kept = []
        for key in action.keys:
            if key in owners:
                lost.append((key, owners[key], action.id))
            else:
                kept.append(key)
        keys[action.id] = tuple(kept)
    return Keymap(keys, tuple(lost), frozenset(wanted))


def _texts(value: object) -> tuple[object, ...]:
    """Return the keys in a value of the config: a text with commas between keys, or a list."""
    if isinstance(value, str):
        return tuple(filter(str.strip, re.split(r",(?=.)", value)))
    if isinstance(value, list | tuple):
        return tuple(value)
    return (value,)


def _read(action: Action, written: object) -> tuple[str, str]:
    """Return the problem with a key of the config, and the key; one of the two is empty."""
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
    close = [f"“{action_id}”" for action_id in near(name, _BY_ID, {})]
    return did_you_mean(close, _BY_ID)


def _explain(action: Action) -> str:
    usual = ", ".join(f'"{key}"' for key in action.keys) or "none"
    return (
        'A key is written as "ctrl+x", "alt+x", "f5" or "shift+tab"; "" is none. '
        f"The usual one: {usual}."
    )
