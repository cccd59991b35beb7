"""The user's own keys: read, checked, and laid over the usual ones."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modechat.commands.actions import ACTIONS, Action, Moment
from modechat.commands.hints import hint_line
from modechat.commands.keymap import DEFAULT_KEYMAP, key_table, read_keymap
from modechat.commands.keys import key_name, read_key
from modechat.domain.key_names import key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("ctrl+x", "ctrl+x"),
        ("Ctrl+X", "ctrl+x"),
        ("control-x", "ctrl+x"),
        (" shift + tab ", "shift+tab"),
        ("esc", "escape"),
        ("Page Up", "pageup"),
        ("ctrl+alt+a", "alt+ctrl+a"),
        ("Shift+Ctrl+K", "ctrl+shift+k"),
        ("alt+/", "alt+slash"),
        ("ctrl+-", "ctrl+minus"),
        ("F12", "f12"),
        ("cmd+k", "super+k"),
    ],
)
def test_keys_are_read_as_people_write_them(written: str, key: str) -> None:
    assert read_key(written) == key
    assert read_key(key_name(key)) == key


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", "no key"),
        ("x", "that is typed"),
        ("shift+x", "that is typed"),
        ("space", "that is typed"),
        ("ctrl+i", "terminals send it as Tab"),
        ("ctrl+m", "terminals send it as Enter"),
        ("ctrl+[", "terminals send it as Esc"),
        ("ctrl+entre", "there is no key “entre”; did you mean enter?"),
        ("crtl+x", "there is no key “crtl”; did you mean ctrl?"),
        ("f99", "there is no key “f99”"),
        ("ctrl+ä", "there is no key “ä”"),
        ("[/x]", "there is no key"),
        ("x" * 10_000, "no key"),
    ],
)
def test_what_is_no_key_is_told(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        read_key(written)
    assert problem in str(raised.value)


def test_every_usual_key_can_be_written_in_the_config() -> None:
    for action in ACTIONS:
        for usual in action.keys:
            assert read_key(usual) == usual
            assert read_key(key_name(usual)) == usual


def test_a_key_of_the_users_takes_the_place_of_the_usual_one() -> None:
    keymap, problems = read_keymap(
        {"stop": "ctrl+f", "regenerate": ["f11", "alt+x"], "help": "", "follow": []}
    )
    assert problems == ()
    assert keymap.keys("stop") == ("ctrl+f",)
    assert keymap.names("regenerate") == "F11, Alt+X"
    assert keymap.keys("help") == keymap.keys("follow") == ()
    assert keymap.keys("quit") == ("ctrl+q",)
    assert keymap.notices == ()
    assert "'F1'" not in str(key_table(keymap))


def test_keys_can_be_exchanged() -> None:
    keymap, problems = read_keymap({"regenerate": "ctrl+t", "run_in_other_mode": "ctrl+r"})
    assert problems == ()
    assert keymap.notices == ()
    assert (keymap.keys("regenerate"), keymap.keys("run_in_other_mode")) == (
        ("ctrl+t",),
        ("ctrl+r",),
    )


@pytest.mark.parametrize(
    ("wanted", "loser"),
    [
        ({"stop": "ctrl+r"}, "regenerate"),
        ({"stop": "ctrl+p"}, "palette"),
        ({"stop": "ctrl+z"}, "suspend"),
        ({"stop": "ctrl+j"}, "newline"),
        ({"newline": "enter"}, "send"),
    ],
)
def test_a_usual_key_that_the_user_gives_away_is_told_until_the_user_has_said_so(
    wanted: dict[str, object], loser: str
) -> None:
    keymap, problems = read_keymap(wanted)
    (winner,) = wanted
    assert problems == ()
    (notice,) = keymap.notices
    labels = {action.id: action.label for action in ACTIONS}
    assert f"“{labels[winner]}”" in notice
    assert f"“{labels[loser]}”" in notice
    assert key_name(str(wanted[winner])) in notice
    assert str(wanted[winner]) not in keymap.keys(loser)
    settled, problems = read_keymap({**wanted, loser: ",".join(keymap.keys(loser))})
    assert (settled.notices, problems) == ((), ())


def test_two_wishes_for_one_key_are_a_mistake_that_names_both() -> None:
    _, problems = read_keymap({"stop": "ctrl+x", "regenerate": ["f5", "Ctrl-X"]})
    (problem,) = problems
    assert problem.action_id == "regenerate"
    assert problem.problem == "Ctrl+X is the key of “Stop” (stop) as well"


@pytest.mark.parametrize(
    ("table", "problem", "hint"),
    [
        ({"stpo": "ctrl+x"}, "there is no action “stpo”", "Did you mean “stop”?"),
        ({"dance": "ctrl+x"}, "there is no action “dance”", "There are: send, newline"),
        ({"stop": 5}, "a key is a text, not 5", '"escape"'),
        ({"stop": [["x"]]}, "a key is a text", "written as"),
        ({"stop": "up"}, "Up is for moving and deleting in the prompt", "written as"),
        ({"stop": "enter"}, "Enter is for the prompt", "written as"),
        (["stop"], "this must be a table", ""),
        ("stop", "this must be a table", ""),
    ],
)
def test_what_is_wrong_is_told_and_left_out(table: object, problem: str, hint: str) -> None:
    keymap, (found, *_) = read_keymap(table)
    assert problem in found.problem
    assert hint in found.hint
    assert keymap.keys("regenerate") == ("ctrl+r",)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["ctrl+x", "f5"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from([action.id for action in ACTIONS]) | st.text(max_size=8)


@given(st.dictionaries(names, values, max_size=8) | values)
def test_whatever_stands_there_a_key_means_one_thing(table: object) -> None:
    keymap, _ = read_keymap(table)
    keys = [key for action in ACTIONS for key in keymap.keys(action.id)]
    assert len(keys) == len(set(keys))


def test_texts_of_ours_name_the_keys_in_force() -> None:
    keymap, _ = read_keymap({"regenerate": "f5", "stop": "", "help": "f2", "inspect": "f1"})
    again = f"{key('regenerate', 'Ctrl+R')} asks again. {key('stop', 'Esc')} stops it."
    assert keymap.name_keys(again) == "F5 asks again. “Stop” stops it."
    assert DEFAULT_KEYMAP.name_keys(again) == "Ctrl+R asks again. Esc stops it."
    swapped = f"{key('help', 'F1')} shows the keys, {key('inspect', 'F2')} the prompt; F1.gguf"
    assert keymap.name_keys(swapped) == "F2 shows the keys, F1 the prompt; F1.gguf"
    assert keymap.name_keys(key("nothing", "F9")) == "F9"


def test_the_hint_names_what_matters_now_as_far_as_there_is_room() -> None:
    assert (
        hint_line(Moment.IDLE, DEFAULT_KEYMAP)
        == "Enter sends · Shift+Tab mode · Ctrl+P commands · F1 help"
    )
    assert hint_line(Moment.IDLE, DEFAULT_KEYMAP, 40) == "Enter sends · Shift+Tab mode · F1 help"
    assert hint_line(Moment.IDLE, DEFAULT_KEYMAP, 25) == "Enter sends · F1 help"
    assert hint_line(Moment.IDLE, DEFAULT_KEYMAP, 1) == "Enter sends"
    assert hint_line(Moment.BUSY, DEFAULT_KEYMAP) == "Esc stops"
    keymap, _ = read_keymap({"send": "ctrl+s", "help": ""})
    assert hint_line(Moment.IDLE, keymap) == "Ctrl+S sends · Shift+Tab mode · Ctrl+P commands"


EVERYWHERE = re.compile(
    r"ctrl\+(?:[a-gj-ln-z]|backslash|right_square_bracket|circumflex_accent|underscore)|f[2-9]|f12|.*tab"
)
"""Keys that have a byte of their own in every terminal, or that terminals leave to programs."""
OTHERWISE = {
    "take_back": "Up at the empty prompt",
    "open_paste": "Tab",
    "delete_next_word": "Ctrl+Del, which all terminals but the oldest send",
}


@pytest.mark.parametrize(
    "action", [action for action in ACTIONS if action.keys], ids=lambda action: action.id
)
def test_what_is_on_a_key_that_some_terminals_keep_has_another_one(action: Action) -> None:
    if (
        any("alt" in key or key in ("f1", "f10", "f11") for key in action.keys)
        and action.id not in OTHERWISE
    ):
        assert any(EVERYWHERE.fullmatch(key) for key in action.keys)


def test_ctrl_f_is_free() -> None:
    assert all("ctrl+f" not in action.keys for action in ACTIONS)


def test_no_key_has_two_actions() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(set(keys)) == len(keys)
