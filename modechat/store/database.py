"""Opens the database of conversations and gives access to it in transactions.

If a block ends without an error, all its changes are on disk, else none. A block within another one
is a part of it. Errors become StoreErrors. The files are private to the user.
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
    from contextlib import AbstractContextManager
    from pathlib import Path

FILE_NAME = "conversations.sqlite3"
_TIMEOUT = 5.0
"""Seconds to wait for another process that is writing or opening."""


class Database:
    """The database of conversations, for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, place: str, file: Path | None) -> None:
        self._connection = connection
        self._place = place
        self._file = file
        self._files = _identities(file) if file is not None else {}

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Open the database in `folder`; both are made if they are absent. Raises StoreError."""
        with store_errors(str(folder)):
            private_folder(folder)
            # One process at a time: SQLite does not wait for the others when it begins to use WAL.
            with lock_in(folder, "opening").acquire(timeout=_TIMEOUT):
                return cls._connect(_file_in(folder), str(folder))

    @classmethod
    def in_memory(cls) -> Database:
        """Make a database that ends with the process."""
        return cls._connect(None, "memory")

    @classmethod
    def _connect(cls, file: Path | None, place: str) -> Database:
        connection = _connection(file or ":memory:")
        try:
            # The -wal and -shm files get the mode of the database file.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # Deleted texts are overwritten, not only marked as free.
            connection.execute("PRAGMA secure_delete = ON")
            migrate(connection)
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
        return cls(connection, place, file)

    def second_reader(self) -> Database | None:
        """Open another connection that only reads, for another thread.

        Returns None for a database in memory.
        """
        if self._file is None:
            return None
        with store_errors(self._place):
            connection = _connection(self._file)
            connection.execute("PRAGMA query_only = ON")
            return Database(connection, self._place, self._file)

    def interrupt(self) -> None:
        """Interrupt a read in another thread, which raises StoreError there."""
        self._connection.interrupt()

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Begin a transaction that sees one state of the database throughout."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """Begin a transaction that writes; its changes are on disk when the block has ended."""
        return self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        with store_errors(self._place):
            self._connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with store_errors(self._place):
            if self._connection.in_transaction:  # this is a part of it
                yield self._connection
                return
            with self._connection:
                self._check_files()
                self._connection.execute(begin)
                yield self._connection

    def _check_files(self) -> None:
        """Raise DatabaseReplaced if the files were removed or replaced.

        SQLite would go on writing to a file without a name, and all would be lost at the end.
        """
        for file, identity in self._files.items():
            if _identity(file) != identity:
                raise DatabaseReplaced


def _connection(file: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        file, timeout=_TIMEOUT, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = sqlite3.Row
    connection.text_factory = _text
    return connection


def _text(stored: bytes) -> str:
    """Decode a text; damaged bytes become U+FFFD, and the rest can be read."""
    return stored.decode("utf-8", "replace")


def _identities(file: Path) -> dict[Path, tuple[int, int] | None]:
    """Return the identities of the database's file and of its log, which holds the newest data."""
    return {name: _identity(name) for name in (file, file.with_name(f"{file.name}-wal"))}


def _identity(file: Path) -> tuple[int, int] | None:
    """Return device and inode of a file; None if there is none."""
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _file_in(folder: Path) -> Path:
    """Return the database's file; make it if it is absent.

    The user may keep it elsewhere, with a link in its place.
    """
    link = folder / FILE_NAME
    file = behind_link(link)
    if file != link and file.exists():
        return file
    return private_file(file)
