"""What is made for the user is readable by the user alone."""

from __future__ import annotations

import stat
from pathlib import Path

from modechat.private_files import private_file, private_folder


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
