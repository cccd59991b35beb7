"""Turns errors of SQLite and of the file system into StoreErrors that a user can act on.

They leave the store in no other form.
"""

from __future__ import annotations

import errno
import shutil
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from modechat.domain.text import sanitize_line
from modechat.errors import StoreError
from modechat.store.schema import Damaged, SchemaTooNew

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD = "or start with --no-history, which keeps nothing."


class _Failure(NamedTuple):
    title: str
    hint: str

    def at(self, place: str, reason: object = "") -> StoreError:
        return StoreError(self.title.format(place=place, reason=reason), self.hint)


_NOT_WRITABLE = _Failure(
    "Conversations cannot be kept in {place} ({reason})", f"Make it writable, {_INSTEAD}"
)
_LOCKED = _Failure(
    "Another program has locked the conversations in {place}", f"Close it, {_INSTEAD}"
)
_FULL = _Failure("There is no room left for conversations in {place}", f"Make some, {_INSTEAD}")
_REFUSED = _Failure(
    "The disk does not take conversations in {place} ({reason})",
    f"It may be full, failing, or at a limit for this user or program. Mend that, {_INSTEAD}",
)
_DAMAGED = _Failure(
    "The conversations in {place} are damaged ({reason})",
    f"Move conversations.sqlite3 and what begins with its name away to begin anew, {_INSTEAD}",
)
_REPLACED = _Failure(
    "The file with the conversations in {place} was removed or replaced while modechat ran",
    "Nothing is saved any more: copy what you need from here, and start modechat again.",
)
_TOO_NEW = _Failure(
    "The conversations in {place} were made by a newer modechat", f"Update modechat, {_INSTEAD}"
)
_GONE = _Failure(
    "This conversation was changed or deleted in another modechat",
    "Open it again, or begin a new one.",
)
_OTHER = _Failure(
    "The conversations in {place} cannot be used ({reason})", f"Try again, {_INSTEAD}"
)

# By SQLite's primary result code (https://sqlite.org/rescode.html). Our own statements are right:
# if SQLite finds an error in one, or a value of the wrong type, the tables have been changed.
_BY_CODE = {
    sqlite3.SQLITE_ERROR: _DAMAGED,
    sqlite3.SQLITE_MISMATCH: _DAMAGED,
    sqlite3.SQLITE_SCHEMA: _DAMAGED,
    sqlite3.SQLITE_TOOBIG: _DAMAGED,
    sqlite3.SQLITE_FORMAT: _DAMAGED,
    sqlite3.SQLITE_IOERR: _REFUSED,
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CONSTRAINT: _DAMAGED,
}
_FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
_MEANS_FULL = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL)
"""The codes that SQLite returns on a full disk."""
_MIN_FREE = 1 << 18  # bytes: less is no room for the files that SQLite makes beside the database


class DatabaseReplaced(Exception):
    """The database file that was opened has been removed or replaced."""


class ConversationDamaged(StoreError):
    """One conversation cannot be read; the others can."""

    def __init__(self, number: int, reason: object) -> None:
        super().__init__(
            f"Conversation {number} is damaged ({reason})",
            f"The others are not. /delete {number} removes it for good.",
        )


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Raise errors of the block as StoreErrors; `place` says where the conversations are."""
    try:
        yield
    except SchemaTooNew as error:
        raise _TOO_NEW.at(place) from error
    except DatabaseReplaced as error:
        raise _REPLACED.at(place) from error
    except (Damaged, UnicodeDecodeError) as error:  # names in the schema that are no text
        raise _DAMAGED.at(place, error) from error
    except (sqlite3.Error, OverflowError, MemoryError) as error:
        raise _of_sqlite(error, place).at(
            place, sanitize_line(str(error) or "out of memory")
        ) from error
    except TimeoutError as error:
        raise _LOCKED.at(place) from error
    except OSError as error:
        raise _of_system(error).at(place, error.strerror or error) from error


def _of_system(error: OSError) -> _Failure:
    if error.errno in _FULL_DISK:
        return _FULL
    if error.errno == errno.EFBIG:
        return _REFUSED
    return _NOT_WRITABLE


def _of_sqlite(error: Exception, place: str) -> _Failure:
    # Errors of the sqlite3 module itself, such as for a number beyond 64 bits, have no code.
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return _GONE
    if code & 0xFF in _MEANS_FULL and _is_full(place):
        return _FULL
    return _BY_CODE.get(code & 0xFF, _OTHER)


def _is_full(place: str) -> bool:
    try:
        return shutil.disk_usage(place).free < _MIN_FREE
    except OSError:  # there is no such folder
        return False


def not_found(what: str, number: int) -> StoreError:
    """Return the error for a conversation or a turn that does not exist, perhaps no longer."""
    return StoreError(
        f"There is no {what} {number}", "It may have been deleted in another modechat."
    )
