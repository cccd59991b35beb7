"""What the first frame takes of the config, and what is said of it behind the frame."""

from __future__ import annotations

from pathlib import Path

import pytest

from modechat.cli.first_look import FirstLook, first_look
from modechat.commands.keymap import DEFAULT_KEYMAP


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setattr("modechat.cli.first_look.config_file", lambda: path)
    return path


def test_without_a_config_everything_is_as_usual(config: Path) -> None:
    assert not config.exists()
    assert first_look() == FirstLook()


def test_theme_and_keys_are_there_in_the_first_frame(config: Path) -> None:
    config.write_text('[interface]\ntheme = "nord"\n[keys]\nstop = "ctrl+x"\n', encoding="utf-8")
    look = first_look()
    assert look.theme == "nord"
    assert look.keymap.keys("stop") == ("ctrl+x",)


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
    look = first_look()
    assert look.theme == FirstLook().theme
    assert [look.keymap.keys(name) for name in ("send", "quit")] == [DEFAULT_KEYMAP.keys(n) for n in ("send", "quit")]


def test_a_config_that_cannot_be_read_does_not_stop_the_first_frame(config: Path) -> None:
    config.mkdir()
    assert first_look() == FirstLook()


def test_a_thousand_keys_are_read(config: Path) -> None:
    config.write_text("[keys]\n" + "".join(f'a{i} = "ctrl+x"\n' for i in range(1000)), encoding="utf-8")
    assert first_look() == FirstLook()
