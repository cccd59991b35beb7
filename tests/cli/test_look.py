"""What the first frame takes of the config, and the theme that was chosen last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from modechat.cli.look import first_look, remember_theme
from modechat.commands.keymap import DEFAULT_KEYMAP
from modechat.tui.look import ANSI, ANSI_LIGHT, DARK, LIGHT, Look, usual_theme
from modechat.tui.themes import OWN_THEMES, THEME_NAMES

MANY_COLOURS = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
USUAL = Look(follows_background=True)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setattr("modechat.cli.look.config_file", lambda: path)
    monkeypatch.setattr("modechat.cli.look.theme_file", lambda: tmp_path / "state" / "theme.json")
    return path


def test_without_a_config_everything_is_as_usual(config: Path) -> None:
    assert not config.exists()
    assert first_look(MANY_COLOURS) == USUAL


def test_theme_spacing_motion_and_keys_are_there_in_the_first_frame(config: Path) -> None:
    config.write_text(
        '[interface]\ntheme = "nord"\nspacing = "compact"\nreduced_motion = true\n[keys]\nstop = "ctrl+x"\n',
        encoding="utf-8",
    )
    look = first_look(MANY_COLOURS)
    assert (look.theme, look.is_compact, look.has_motion) == ("nord", True, False)
    assert look.keymap.keys("stop") == ("ctrl+x",)


@pytest.mark.parametrize(
    ("env", "theme"),
    [
        ({"TERM": "xterm-256color"}, DARK),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, DARK),
        ({"TERM": "xterm-kitty"}, DARK),
        ({"TERM": "foot"}, DARK),
        ({"TERM": "linux"}, ANSI),
        ({"TERM": "xterm"}, ANSI),
        ({"TERM": "screen.xterm-16color"}, ANSI),
        ({}, ANSI),
    ],
)
def test_a_terminal_with_few_colours_keeps_its_own(
    config: Path, env: dict[str, str], theme: str
) -> None:
    assert usual_theme(env) == theme
    assert first_look(env).theme == theme
    config.write_text('[interface]\ntheme = "nord"\n', encoding="utf-8")
    assert first_look(env).theme == "nord"


@pytest.mark.parametrize(
    ("env", "has_palette"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm-kitty"}, False),
        ({"TERM": "xterm-direct"}, False),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, False),
        ({"TERM": "xterm"}, False),
        ({}, False),
    ],
)
def test_256_colours_are_known(config: Path, env: dict[str, str], has_palette: bool) -> None:
    assert not config.exists()
    assert first_look(env).has_palette is has_palette


@pytest.mark.parametrize(
    ("said", "is_light", "theme"),
    [
        ("", None, DARK),
        ("15;0", None, DARK),
        ("0;15", None, LIGHT),
        ("0;default;15", None, LIGHT),
        ("0;7", None, LIGHT),
        ("7;8", None, DARK),
        ("0;default", None, DARK),
        ("x", None, DARK),
        ("0;15", False, DARK),
        ("15;0", True, LIGHT),
        ("", True, LIGHT),
    ],
)
def test_the_theme_goes_with_the_terminals_ground(
    said: str, is_light: bool | None, theme: str
) -> None:
    assert usual_theme({"TERM": "xterm-256color", "COLORFGBG": said}, is_light) == theme
    assert usual_theme({"TERM": "xterm", "COLORFGBG": said}, is_light) == (
        ANSI if theme == DARK else ANSI_LIGHT
    )


def test_a_theme_that_was_chosen_does_not_ask_for_the_ground(config: Path) -> None:
    light = {**MANY_COLOURS, "COLORFGBG": "0;15"}
    assert (first_look(light).theme, first_look(light).follows_background) == (LIGHT, True)
    config.write_text('[interface]\ntheme = "modechat-dark"\n', encoding="utf-8")
    assert (first_look(light).theme, first_look(light).follows_background) == (DARK, False)
    config.write_text('[interface]\ntheme = "there is none"\n', encoding="utf-8")
    assert first_look(light).follows_background
    remember_theme("nord")
    assert (first_look(light).theme, first_look(light).follows_background) == ("nord", False)
    assert not first_look({**light, "NO_COLOR": "1"}).follows_background


def test_a_theme_that_was_chosen_stays_until_the_config_names_another(config: Path) -> None:
    remember_theme("dracula")
    assert first_look(MANY_COLOURS).theme == "dracula"
    config.write_text('[interface]\ntheme = "nord"\n', encoding="utf-8")
    assert first_look(MANY_COLOURS).theme == "nord"
    remember_theme("modechat-light")
    assert first_look(MANY_COLOURS).theme == "modechat-light"
    config.unlink()
    assert first_look(MANY_COLOURS).theme == DARK


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "5", '{"theme": 5, "instead_of": null}', '{"theme": "[/x]"}', "\ud83e"]
)
def test_a_damaged_memory_of_the_theme_counts_as_none(config: Path, kept: str) -> None:
    remember_theme("nord")
    path = config.parent / "state" / "theme.json"
    assert json.loads(path.read_text())["theme"] == "nord"
    path.write_bytes(kept.encode("utf-8", "surrogatepass"))
    assert first_look(MANY_COLOURS) == USUAL


def test_a_theme_that_cannot_be_remembered_is_no_trouble(config: Path) -> None:
    (config.parent / "state").write_text("a file")
    remember_theme("nord")
    assert first_look(MANY_COLOURS).theme == DARK


def test_what_nobody_chooses_is_not_in_the_list() -> None:
    assert {theme.name for theme in OWN_THEMES} - set(THEME_NAMES) == {"modechat-no-color"}


@pytest.mark.parametrize(
    "text",
    [
        b"[keys",
        b"\xff\xfe\x00",
        b"keys = 5\ninterface = 7",
        b'[interface]\ntheme = "[/x]"\n[keys]\nstop = {a = 1}\n',
        b"[interface]\ntheme = ['nord']\n[keys]\n",
        b"[interface.theme]\n[keys.stop]\n",
        b"a = " + b"[" * 5000,
    ],
)
def test_a_config_with_mistakes_does_not_stop_the_first_frame(config: Path, text: bytes) -> None:
    config.write_bytes(text)
    look = first_look(MANY_COLOURS)
    assert look.theme == Look().theme
    assert [look.keymap.keys(name) for name in ("send", "quit")] == [
        DEFAULT_KEYMAP.keys(n) for n in ("send", "quit")
    ]


def test_a_config_that_cannot_be_read_does_not_stop_the_first_frame(config: Path) -> None:
    config.mkdir()
    assert first_look(MANY_COLOURS) == USUAL


def test_a_thousand_keys_are_read(config: Path) -> None:
    config.write_text(
        "[keys]\n" + "".join(f'a{i} = "ctrl+x"\n' for i in range(1000)), encoding="utf-8"
    )
    assert first_look(MANY_COLOURS) == USUAL
