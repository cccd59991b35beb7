"""Disks that are full, and files that vanish while the program runs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modechat.domain.conversation import Reply, ReplyState
from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.errors import StoreError
from modechat.store import Store
from modechat.store.database import FILE_NAME

if TYPE_CHECKING:
    from tests.store.conftest import Clock

OPEN = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from modechat.errors import StoreError
from modechat.store import Store
try:
    Store.open(Path(sys.argv[1]), lambda: datetime.now(UTC)).close()
except StoreError as error:
    print(error)
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with 256 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("disks can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path, leave: int = 0) -> None:
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))


@pytest.mark.parametrize("leave", [0, 4096, 16384, 65536])
def test_a_start_on_a_full_disk_says_so(small_disk: Path, clock: Clock, leave: int) -> None:
    fill(small_disk, leave)
    with pytest.raises(StoreError, match="There is no room left for conversations") as caught:
        Store.open(small_disk / "modechat", clock)
    assert "--no-history" in caught.value.hint


def test_a_start_with_conversations_on_a_disk_that_is_full_since_says_so(
    small_disk: Path, clock: Clock
) -> None:
    Store.open(small_disk / "modechat", clock).close()
    fill(small_disk)
    with pytest.raises(StoreError, match="There is no room left for conversations"):
        Store.open(small_disk / "modechat", clock)


def test_a_disk_that_becomes_full_says_so_and_loses_nothing_that_was_saved(
    small_disk: Path, clock: Clock
) -> None:
    store = Store.open(small_disk / "modechat", clock)
    kept = store.create_conversation("kept", ModeState())
    fill(small_disk)
    with pytest.raises(StoreError, match="There is no room left for conversations"):
        store.add_turn(kept.id, None, "x" * 200_000, ChatMessage("x" * 200_000), True)
    (small_disk / "filler").unlink()
    store.add_turn(kept.id, None, "small", ChatMessage("small"), True)
    assert [turn.typed for turn in store.conversation(kept.id).turns] == ["small"]
    store.close()


@pytest.mark.parametrize("limit", [0, 1000, 8192, 40_000])
def test_a_limit_for_the_size_of_files_is_told(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(tmp_path / "modechat")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "The disk does not take conversations in" in done.stdout
    assert "limit" in done.stdout


@pytest.mark.parametrize(
    "how", ["removed", "replaced by a copy", "moved with its folder", "its log removed"]
)
def test_a_database_that_vanishes_while_the_program_runs_is_told_at_the_next_step(
    folder: Path, clock: Clock, how: str
) -> None:
    store = Store.open(folder, clock)
    kept = store.create_conversation("kept", ModeState())
    turn = store.add_turn(kept.id, None, "hi", ChatMessage("hi"), True)
    file = folder / FILE_NAME
    match how:
        case "removed":
            file.unlink()
        case "replaced by a copy":
            copy = file.with_name("copy")
            copy.write_bytes(file.read_bytes())
            copy.replace(file)
        case "moved with its folder":
            folder.rename(folder.with_name("moved"))
        case _:
            file.with_name(f"{FILE_NAME}-wal").unlink()
    for ask in (
        lambda: store.save_reply(turn.id, Reply("lost?", ReplyState.COMPLETE)),
        lambda: store.add_turn(kept.id, turn.id, "more", ChatMessage("more"), True),
        store.summaries,
    ):
        with pytest.raises(StoreError, match="removed or replaced while modechat ran") as caught:
            ask()
        assert "start modechat again" in caught.value.hint
    store.close()


def test_another_program_that_opens_and_closes_the_database_is_no_reason_to_worry(
    folder: Path, clock: Clock
) -> None:
    store = Store.open(folder, clock)
    for number in range(3):
        other = Store.open(folder, clock)
        other.create_conversation(f"by another {number}", ModeState())
        other.close()
        store.create_conversation(f"by this one {number}", ModeState())
    assert len(store.summaries()) == 6
    store.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such links")
def test_a_database_behind_a_link_that_is_laid_anew_is_told(
    folder: Path, clock: Clock, tmp_path: Path
) -> None:
    folder.mkdir(parents=True)
    (folder / FILE_NAME).symlink_to(tmp_path / "one.db")
    store = Store.open(folder, clock)
    (tmp_path / "one.db").rename(tmp_path / "two.db")
    with pytest.raises(StoreError, match="removed or replaced"):
        store.summaries()
    store.close()
