"""What goes wrong between the store and the disk, in words that a user can act on.

Nothing of SQLite or of the file system leaves the store but as a StoreError.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from modechat.errors import StoreError
from modechat.store.schema import SchemaTooNew

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTEAD = "or start with --no-history, which keeps nothing."


class _Failure(NamedTuple):
    title: str
    hint: str

    def at(self, place: str, reason: object = "") -> StoreError:
        return StoreError(self.title.format(place=place, reason=reason), self.hint)


_NOT_WRITABLE = _Failure("Conversations cannot be kept in {place} ({reason})", f"Make it writable, {_INSTEAD}")
_LOCKED = _Failure("Another program has locked the conversations in {place}", f"Close it, {_INSTEAD}")
_FULL = _Failure("There is no room left for conversations in {place}", f"Make some, {_INSTEAD}")
_DAMAGED = _Failure(
    "The conversations in {place} are damaged ({reason})",
    f"Move conversations.sqlite3 away to begin anew, {_INSTEAD}",
)
_TOO_NEW = _Failure("The conversations in {place} were made by a newer modechat", f"Update modechat, {_INSTEAD}")
_GONE = _Failure("This conversation was changed or deleted in another modechat", "Open it again, or begin a new one.")
_OTHER = _Failure("The conversations in {place} cannot be used ({reason})", f"Try again, {_INSTEAD}")

# By SQLite's primary result code (https://sqlite.org/rescode.html).
_BY_CODE = {
    sqlite3.SQLITE_PERM: _NOT_WRITABLE,
    sqlite3.SQLITE_READONLY: _NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: _NOT_WRITABLE,
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CONSTRAINT: _GONE,
}


@contextmanager
def store_errors(place: str) -> Iterator[None]:
    """Raise what fails in the block as a StoreError; `place` says where the conversations are."""
    try:
        yield
    except SchemaTooNew as error:
        raise _TOO_NEW.at(place) from error
    except (sqlite3.Error, OverflowError) as error:
        # What the sqlite3 module itself refuses, such as a number beyond 64 bits, has no code.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        raise _BY_CODE.get(code, _OTHER).at(place, error) from error
    except TimeoutError as error:
        raise _LOCKED.at(place) from error
    except OSError as error:
        raise _NOT_WRITABLE.at(place, error.strerror or error) from error


def not_found(what: str, number: int) -> StoreError:
    """The error for a conversation or a turn that is not there (any more)."""
    return StoreError(f"There is no {what} {number}", "It may have been deleted in another modechat.")
