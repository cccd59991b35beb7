"""Users without a home folder, or with variables that name none: services, containers, cron."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import MODECHAT, PROJECT, SECONDS

UNKNOWN = ("unshare", "--user", "--map-user=54321", "--map-group=54321")
"""Runs a command as a user that the system does not know."""


def _can_be_unknown() -> bool:
    try:
        return subprocess.run([*UNKNOWN, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not _can_be_unknown(), reason="this system has no user namespaces")

NO_HOMES = [
    {},
    {"HOME": ""},
    {"HOME": "relative/home"},
    {"HOME": "", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "x"},
]
ODD_HOMES = [{"HOME": "/etc/hostname"}, {"HOME": "/proc/nowhere"}]


def modechat(folder: Path, env: dict[str, str], *arguments: str | Path) -> tuple[int, str, str]:
    done = subprocess.run(
        [*UNKNOWN, *MODECHAT, *arguments],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "LC_ALL": "C.UTF-8", **env},
        input=b"hi\n",
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    err = done.stderr.decode()
    assert "Traceback" not in err, err
    return done.returncode, done.stdout.decode(), err


@pytest.mark.parametrize("env", [*NO_HOMES, *reversed(ODD_HOMES)], ids=str)
@pytest.mark.every_day(2)
def test_commands_that_keep_nothing_work_without_a_home(
    env: dict[str, str], tmp_path: Path, tiny: Path
) -> None:
    once = ("--max-tokens", "1", "--ctx", "256", "--model", tiny)
    assert modechat(tmp_path, env, "run", "hi", *once)[0] == 0
    assert modechat(tmp_path, env, "--plain", "--no-history", *once)[0] == 0
    if env in (
        NO_HOMES[0],
        ODD_HOMES[0],
    ):  # one without a home, one with a wrong home: the rest takes long
        assert modechat(tmp_path, env, "prompt", "hi", "--model", tiny)[0] == 0
        assert modechat(tmp_path, env, "doctor")[0] == 0
        assert modechat(tmp_path, env, "--plain", "--demo")[0] == 0
    assert list(tmp_path.iterdir()) == []  # nothing in the folder that it was started in


@pytest.mark.parametrize("env", NO_HOMES, ids=str)
@pytest.mark.every_day(1)
def test_a_chat_that_would_be_kept_says_that_there_is_no_home(
    env: dict[str, str], tmp_path: Path, tiny: Path
) -> None:
    code, _, err = modechat(tmp_path, env, "--plain", "--model", tiny)
    assert code == 7
    assert err.startswith("modechat: There is no home folder to keep conversations in\n")
    assert "--no-history" in err
    code, _, err = modechat(
        tmp_path, env, "prompt", "hi", "--conversation", "last", "--model", tiny
    )
    assert (code, "There is no conversation yet" in err) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("env", ODD_HOMES, ids=str)
def test_a_chat_in_a_home_that_is_none_says_where_it_cannot_be_kept(
    env: dict[str, str], tmp_path: Path, tiny: Path
) -> None:
    code, _, err = modechat(tmp_path, env, "--plain", "--model", tiny)
    assert (code, env["HOME"] in err, "--no-history" in err) == (7, True, True)


def test_the_folders_that_are_named_suffice(tmp_path: Path, tiny: Path) -> None:
    env = {
        f"XDG_{name}_HOME": str(tmp_path / name) for name in ("CONFIG", "DATA", "STATE", "CACHE")
    }
    code, _, err = modechat(
        tmp_path, env, "--plain", "--max-tokens", "1", "--ctx", "256", "--model", tiny
    )
    assert (code, err) == (0, "")
    assert (tmp_path / "DATA" / "modechat" / "conversations.sqlite3").is_file()


def test_doctor_says_that_there_is_no_home(tmp_path: Path) -> None:
    assert modechat(tmp_path, {}, "doctor")[1].count("none: there is no home folder") == 4
