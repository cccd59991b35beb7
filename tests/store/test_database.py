from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from modechat.domain.mode import ModeState
from modechat.domain.modes import ChatMessage
from modechat.errors import StoreError
from modechat.store import Store
from modechat.store.database import FILE_NAME, Database
from tests.store.processes import running

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.store.conftest import Clock

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask of a user who lets everyone read everything."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    database = Database.open(folder)
    yield database
    database.close()


def insert(database: Database, titles: Iterable[str]) -> None:
    with database.writing() as connection:
        for title in titles:
            connection.execute(
                "INSERT INTO conversations (title, created_at, updated_at, mode) VALUES (?, '', '', 'chat')",
                (title,),
            )


def titles(database: Database) -> list[str]:
    with database.reading() as connection:
        return [title for (title,) in connection.execute("SELECT title FROM conversations")]


def pragma(database: Database, name: str) -> object:
    with database.reading() as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_database_survives_the_death_of_the_program_and_checks_its_references(
    database: Database,
) -> None:
    assert pragma(database, "journal_mode") == "wal"
    assert pragma(database, "foreign_keys") == 1
    assert pragma(database, "synchronous") == 2
    assert pragma(database, "busy_timeout") == 5000


@posix_only
@pytest.mark.usefixtures("open_umask")
def test_only_the_user_can_read_the_files(folder: Path, clock: Clock) -> None:
    store = Store.open(folder, clock)
    store.lock(store.create_conversation("secret", ModeState()).id)
    assert {path.name for path in folder.iterdir()} == {
        FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", "locks",
    }  # fmt: skip
    assert {path.name for path in (folder / "locks").iterdir()} == {"opening.lock", "1.lock"}
    for path in (folder, *folder.rglob("*")):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
    store.close()


@posix_only
def test_files_that_others_could_read_are_closed_to_them(folder: Path, clock: Clock) -> None:
    Store.open(folder, clock).close()
    folder.chmod(0o755)
    (folder / FILE_NAME).chmod(0o644)
    Store.open(folder, clock).close()
    assert mode(folder) == 0o700
    assert mode(folder / FILE_NAME) == 0o600


@posix_only
def test_a_database_that_the_user_keeps_elsewhere_stays_there_with_its_mode(
    tmp_path: Path, folder: Path, clock: Clock
) -> None:
    elsewhere = tmp_path / "disk" / "chats.db"
    elsewhere.parent.mkdir()
    folder.mkdir(parents=True)
    (folder / FILE_NAME).symlink_to(elsewhere)
    Store.open(folder, clock).close()
    assert mode(elsewhere) == 0o600  # it was made
    elsewhere.chmod(0o640)
    store = Store.open(folder, clock)
    store.create_conversation("kept", ModeState())
    store.close()
    assert (folder / FILE_NAME).is_symlink()
    assert mode(elsewhere) == 0o640
    with closing(sqlite3.connect(elsewhere)) as connection:
        assert connection.execute("SELECT title FROM conversations").fetchall() == [("kept",)]


@posix_only
def test_a_lock_that_others_could_write_is_closed_to_them(folder: Path, clock: Clock) -> None:
    locks = folder / "locks"
    locks.mkdir(parents=True)
    for name in ("opening", "1"):
        (locks / f"{name}.lock").touch()
        (locks / f"{name}.lock").chmod(0o666)
    store = Store.open(folder, clock)
    store.lock(1)
    store.close()
    assert {mode(path) for path in locks.iterdir()} == {0o600}


@posix_only
def test_the_folders_above_keep_their_permissions(folder: Path, clock: Clock) -> None:
    folder.parent.mkdir(mode=0o755)
    folder.parent.chmod(0o755)
    Store.open(folder, clock).close()
    assert mode(folder.parent) == 0o755


def test_two_processes_can_open_a_fresh_folder_at_once(tmp_path: Path, clock: Clock) -> None:
    with running("open-folders") as one, running("open-folders") as other:
        for number in range(20):
            fresh = tmp_path / str(number)
            one.tell(fresh)
            other.tell(fresh)
            assert (one.line(), other.line()) == ("opened", "opened")
            store = Store.open(fresh, clock)
            assert len(store.summaries()) == 2
            store.close()


def test_a_file_in_place_of_the_folder_is_an_error_that_says_so(
    tmp_path: Path, clock: Clock
) -> None:
    blocked = tmp_path / "modechat"
    blocked.touch()
    with pytest.raises(StoreError) as caught:
        Store.open(blocked, clock)
    assert str(blocked) in caught.value.title
    assert caught.value.hint == "Make it writable, or start with --no-history, which keeps nothing."
    with pytest.raises(StoreError):
        Store.open(blocked / "below", clock)


@pytest.mark.skipif(
    not Path("/proc").is_dir(), reason="needs a file system that refuses new folders"
)
def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(clock: Clock) -> None:
    with pytest.raises(StoreError, match="/proc/nope"):
        Store.open(Path("/proc/nope"), clock)


def test_a_database_that_cannot_be_opened_is_an_error_that_says_so(
    folder: Path, clock: Clock
) -> None:
    (folder / FILE_NAME).mkdir(parents=True)
    with pytest.raises(StoreError, match=str(folder)) as caught:
        Store.open(folder, clock)
    assert caught.value.hint.startswith("Make it writable")


def test_a_damaged_database_is_an_error_that_says_so_and_stays_as_it_is(
    folder: Path, clock: Clock
) -> None:
    folder.mkdir(parents=True)
    (folder / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="damaged") as caught:
        Store.open(folder, clock)
    assert str(folder) in caught.value.title
    assert "--no-history" in caught.value.hint
    assert (folder / FILE_NAME).read_bytes() == b"not a database" * 100


def test_a_database_made_by_a_newer_modechat_is_refused(folder: Path, clock: Clock) -> None:
    Store.open(folder, clock).close()
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA user_version = 1000")
    with pytest.raises(StoreError, match="made by a newer modechat") as caught:
        Store.open(folder, clock)
    assert str(folder) in caught.value.title


def test_a_full_disk_is_an_error_that_says_so_and_nothing_is_half_written(
    database: Database,
) -> None:
    with database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="room"):
        insert(database, ["small", "large" * 100_000])
    assert titles(database) == []


def test_a_database_that_became_read_only_is_an_error_that_says_so(database: Database) -> None:
    with database.reading() as connection:
        connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match="cannot be kept"):
        insert(database, ["x"])


def test_a_database_locked_by_another_program_is_an_error_that_says_so(
    folder: Path, database: Database
) -> None:
    with database.reading() as connection:
        connection.execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(folder / FILE_NAME, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            insert(database, ["x"])
    insert(database, ["y"])
    assert titles(database) == ["y"]


def test_an_error_in_a_transaction_takes_all_of_it_back(database: Database) -> None:
    def interrupted() -> Iterator[str]:
        yield "x"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        insert(database, interrupted())
    assert titles(database) == []


def test_a_store_that_was_closed_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(StoreError, match="cannot be used"):
        store.summaries()


def test_a_deleted_text_is_not_left_in_the_file(folder: Path, clock: Clock) -> None:
    store = Store.open(folder, clock)
    conversation = store.create_conversation("", ModeState())
    store.add_turn(conversation.id, None, "my secret", ChatMessage("my secret"), True)
    store.delete(conversation.id)
    store.close()
    assert b"my secret" not in (folder / FILE_NAME).read_bytes()
