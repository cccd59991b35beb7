"""Where things are: in a checkout, in an installed wheel, and in the user's home."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from modechat.paths import (
    config_file,
    data_folder,
    engine_log_file,
    home_folder,
    prompts_folder,
    states_folder,
)

PROJECT = Path(__file__).parents[1]
ALPACA = Path("formats") / "alpaca.toml"


def test_in_a_checkout_the_prompts_are_at_its_top() -> None:
    assert prompts_folder() == PROJECT / "prompts"
    assert (prompts_folder() / ALPACA).is_file()


@pytest.mark.skipif(
    importlib.util.find_spec("hatchling") is None, reason="hatchling is not installed"
)
def test_in_an_installed_wheel_the_prompts_are_inside_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation",
            "--disable-pip-version-check", "--wheel-dir", tmp_path, PROJECT,
        ],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("modechat-*.whl")
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(installed)
    shipped = {
        path.relative_to(PROJECT) for path in (PROJECT / "prompts").rglob("*") if path.is_file()
    }
    assert {f"modechat/{path.as_posix()}" for path in shipped} <= names
    assert "modechat/py.typed" in names
    assert "modechat/tui/modechat.tcss" in names
    assert not {name for name in names if name.startswith(("tests/", "prompts/", "screenshots/"))}

    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from modechat.paths import prompts_folder; print(prompts_folder())",
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert Path(found) == installed / "modechat" / "prompts"
    assert (Path(found) / ALPACA).read_bytes() == (PROJECT / "prompts" / ALPACA).read_bytes()


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
def test_the_users_folders_are_those_of_the_xdg_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", f"/xdg/{name.lower()}")
    assert config_file() == Path("/xdg/config/modechat/config.toml")
    assert data_folder() == Path("/xdg/data/modechat")
    assert engine_log_file() == Path("/xdg/state/modechat/engine.log")
    assert states_folder() == Path("/xdg/cache/modechat/states")
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        monkeypatch.delenv(f"XDG_{name}_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert config_file() == Path("/home/ada/.config/modechat/config.toml")
    assert data_folder() == Path("/home/ada/.local/share/modechat")
    assert engine_log_file() == Path("/home/ada/.local/state/modechat/engine.log")
    assert states_folder() == Path("/home/ada/.cache/modechat/states")


@pytest.mark.skipif(sys.platform != "linux", reason="the folders of Linux")
@pytest.mark.parametrize("home", [None, "", "relative", "~", "./x"])
@pytest.mark.parametrize("named", [None, "", "relative"])
def test_variables_that_name_no_folder_count_as_not_set(
    monkeypatch: pytest.MonkeyPatch, home: str | None, named: str | None
) -> None:
    import pwd

    account = pwd.getpwuid(os.getuid()).pw_dir
    for name, value in (("HOME", home), ("XDG_DATA_HOME", named), ("XDG_CONFIG_HOME", named)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert home_folder() == Path(account)
    assert data_folder() == Path(account) / ".local" / "share" / "modechat"
    assert config_file() == Path(account) / ".config" / "modechat" / "config.toml"
    monkeypatch.setenv("HOME", "/home/ada")
    assert data_folder() == Path("/home/ada/.local/share/modechat")
