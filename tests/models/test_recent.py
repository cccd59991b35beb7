"""The models that were used last."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from modechat.models.recent import RecentModels


def test_the_latest_comes_first_and_none_twice(tmp_path: Path) -> None:
    recent = RecentModels(tmp_path / "data")
    for name in ("a", "b", "a"):
        recent.remember(Path(f"/models/{name}.gguf"))
    assert recent.paths() == (Path("/models/a.gguf"), Path("/models/b.gguf"))


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    recent = RecentModels(tmp_path)
    for number in range(30):
        recent.remember(Path(f"/{number}"))
    assert len(recent.paths()) == 12
    assert recent.paths()[0] == Path("/29")


def test_the_file_is_private(tmp_path: Path) -> None:
    RecentModels(tmp_path / "data").remember(Path("/x"))
    (file,) = (tmp_path / "data").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[1, null, []]", "nonsense", "[" * 100_000])
def test_a_damaged_file_counts_as_empty(tmp_path: Path, text: str) -> None:
    (tmp_path / "recent-models.json").write_text(text)
    recent = RecentModels(tmp_path)
    assert recent.paths() == ()
    recent.remember(Path("/x"))
    assert recent.paths() == (Path("/x"),)


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_a_name_that_is_no_text_is_kept(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/x\xff.gguf"))
    RecentModels(tmp_path).remember(path)
    assert RecentModels(tmp_path).paths() == (path,)


def test_a_disk_that_refuses_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    RecentModels(tmp_path / "file").remember(Path("/x"))
