"""The connection to the database of conversations.

The only way to it is a transaction: all of a block is on disk when it ends without an error, or nothing of it, and
what fails is a StoreError. The files are private to the user.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from modechat.private_files import behind_link, private_file, private_folder
from modechat.store.failures import DatabaseReplaced, store_errors
from modechat.store.locks import lock_in
from modechat.store.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE_NAME = "conversations.sqlite3"
_PATIENCE = 5.0
"""Seconds to wait for another process that is writing or opening."""


class Database:
    """The database of conversations, for one thread at a time."""

    def __init__(
        self, connection: sqlite3.Connection, place: str, file: Path | None = None
    ) -> None:
        self._connection = connection
        self._place = place
        self._file = file
        self._files = _identities(file) if file is not None else {}

    @classmethod
    def open(cls, folder: Path) -> Database:
        """The database in `folder`; both are made if they are absent. Raises StoreError."""
        with store_errors(str(folder)):
            private_folder(folder)
            # One process at a time: SQLite does not wait for the others when it begins to use WAL.
            with lock_in(folder, "opening").acquire(timeout=_PATIENCE):
                return cls._connect(_file_in(folder), str(folder))

    @classmethod
    def in_memory(cls) -> Database:
        """A database that ends with the process."""
        return cls._connect(None, "memory")

    @classmethod
    def _connect(cls, file: Path | None, place: str) -> Database:
        connection = sqlite3.connect(
            file or ":memory:", timeout=_PATIENCE, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.text_factory = _text
            # The -wal and -shm files get the mode of the database file.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What was deleted is overwritten, not only forgotten.
            connection.execute("PRAGMA secure_delete = ON")
            migrate(connection)
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return cls(connection, place, file)

    def second_reader(self) -> Database | None:
        """Another connection that only reads, for another thread; None for a database in memory."""
        if self._file is None:
            return None
        with store_errors(self._place):
            connection = sqlite3.connect(
                self._file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            connection.text_factory = _text
            connection.execute("PRAGMA query_only = ON")
            return Database(connection, self._place, self._file)

    def interrupt(self) -> None:
        """Break off what another thread reads; there it raises StoreError."""
        self._connection.interrupt()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state of the database throughout."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that writes; what it did is on disk when the block has ended."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        with store_errors(self._place):
            self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with store_errors(self._place), self._connection:
            self._check_files()
            self._connection.execute(begin)
            yield self._connection

    def _check_files(self) -> None:
        """SQLite would go on with a file that has no name any more, and all would be lost at the end."""
        for file, identity in self._files.items():
            if _identity(file) != identity:
                raise DatabaseReplaced


def _text(stored: bytes) -> str:
    """Damage to single bytes of a text is seen in it; the rest of the conversation can be read."""
    return stored.decode("utf-8", "replace")


def _identities(file: Path) -> dict[Path, tuple[int, int] | None]:
    """Which files the names of the database stand for: its own, and that of its log, where the newest is."""
    return {name: _identity(name) for name in (file, file.with_name(f"{file.name}-wal"))}


def _identity(file: Path) -> tuple[int, int] | None:
    """None: there is no file."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _file_in(folder: Path) -> Path:
    """The database's file, made if it was absent. The user may keep it elsewhere, with a link in its place."""
    link = folder / FILE_NAME
    file = behind_link(link)
    return file if file != link and file.exists() else private_file(file)
