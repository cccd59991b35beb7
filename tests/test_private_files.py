"""What is made for the user is readable by the user alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from modechat.cli.look import remember_theme
from modechat.config_file import write_options
from modechat.engine.saved_states import SavedStates
from modechat.models.format_choices import FormatChoices
from modechat.models.recent import RecentModels
from modechat.paths import theme_file
from modechat.private_files import (
    append_private,
    behind_link,
    private_file,
    private_folder,
    write_private,
)
from modechat.store.locks import lock_in


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_and_file_are_private(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    assert mode(folder) == 0o700
    assert mode(private_file(folder / "engine.log")) == 0o600


def test_what_others_could_read_is_closed_again_and_keeps_its_content(tmp_path: Path) -> None:
    file = tmp_path / "engine.log"
    file.write_text("kept")
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    private_folder(tmp_path)
    private_file(file)
    assert (mode(tmp_path), mode(file), file.read_text()) == (0o700, 0o600, "kept")


# Links


def _append(folder: Path) -> None:
    with append_private(folder / "engine.log", 100) as log:
        log.write("a line")


def _lock(folder: Path) -> None:
    with lock_in(folder, "1"):
        pass


def _save_state(folder: Path) -> None:
    states = SavedStates(folder, 1 << 20)
    path = states.begin("chat", "model", 5)
    assert path is not None
    path.write_bytes(b"state")
    states.complete("chat", "model", (1, 2))


WRITERS: dict[str, Callable[[Path], object]] = {
    "write_private": lambda folder: write_private(folder / "mine", "text"),
    "the log": _append,
    "an empty file": lambda folder: private_file(folder / "made"),
    "the config": lambda folder: write_options(folder / "config.toml", {"n_ctx": 512}),
    "recent models": lambda folder: RecentModels(folder).remember(Path("/m.gguf")),
    "formats": lambda folder: FormatChoices(folder).remember(Path("/m.gguf"), "chatml"),
    "a kept chat": _save_state,
    "a deleted chat": lambda folder: SavedStates(folder, 0).forget("chat"),
    "a lock": _lock,
}


def files_below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("leads_to", ["a file", "nothing"])
def test_what_is_written_goes_through_no_link(
    writer: Callable[[Path], object], leads_to: str, tmp_path: Path
) -> None:
    """Links stand under every name that is written, and under names that could be meant for
    unfinished files.
    """
    seen, folder, precious = (
        private_folder(tmp_path / name) for name in ("seen", "trapped", "precious")
    )
    writer(seen)
    names = files_below(seen)
    assert names
    guessed = {Path(f"{name}{ending}") for name in names for ending in (".part", ".new", ".tmp")}
    guessed |= {name.with_suffix(ending) for name in names for ending in (".part", ".new", ".tmp")}
    for number, name in enumerate(sorted(names | guessed)):
        if name == Path("config.toml"):
            continue  # that one may be the user's
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).symlink_to(precious / f"{number}")
        if leads_to == "a file":
            (precious / f"{number}").write_text("precious")
            (precious / f"{number}").chmod(0o644)
    before = files_below(precious)
    writer(folder)
    assert files_below(precious) == before
    assert all(
        file.read_text() == "precious" and mode(file) == 0o644 for file in precious.iterdir()
    )
    written = [folder / name for name in names]
    assert all(file.is_file() and not file.is_symlink() and mode(file) == 0o600 for file in written)
    assert files_below(folder) <= names | guessed


def test_the_theme_goes_through_no_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    precious = tmp_path / "precious"
    precious.write_text("precious")
    private_folder(theme_file().parent)
    theme_file().symlink_to(precious)
    remember_theme("nord")
    assert precious.read_text() == "precious"
    assert "nord" in theme_file().read_text()


def test_a_folder_that_is_a_link_leaves_the_mode_of_what_it_leads_to(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    shared.chmod(0o755)
    (tmp_path / "link").symlink_to(shared)
    private_folder(tmp_path / "link")
    assert mode(shared) == 0o755


def test_what_a_link_leads_to_can_be_asked_for_even_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    assert behind_link(tmp_path / "one").parent == tmp_path
    assert behind_link(tmp_path / "plain") == tmp_path / "plain"


def test_a_log_in_whose_place_a_pipe_stands_is_a_file_again(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "engine.log")
    _append(tmp_path)
    assert (tmp_path / "engine.log").read_text() == "a line"


def test_a_log_that_is_too_long_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "engine.log").write_text("x" * 101)
    _append(tmp_path)
    _append(tmp_path)
    assert (tmp_path / "engine.log").read_text() == "a linea line"


def test_what_cannot_be_written_leaves_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    write_private(tmp_path / "kept", "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "kept", "\ud800")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "old"
