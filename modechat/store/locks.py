"""Keeps two running programs from changing the same conversation, by locks on files.

A program holds the lock of at most one conversation. The system releases a lock when its holder
dies, however it dies; the empty lock files stay.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from modechat.errors import StoreError
from modechat.private_files import private_file, private_folder
from modechat.store.failures import store_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from filelock import BaseFileLock


class ConversationInUse(StoreError):
    """Another process has the conversation open."""

    def __init__(self) -> None:
        super().__init__(
            "This conversation is open in another modechat",
            "Close it there, or begin a new conversation here.",
        )


def lock_in(folder: Path, name: str) -> BaseFileLock:
    """Return the lock `name` of the conversations in `folder`, not yet acquired. Raises OSError."""
    path = private_file(private_folder(folder / "locks") / f"{name}.lock")
    # Not per thread: when the program ends, another thread may release the lock.
    return FileLock(path, mode=0o600, thread_local=False)


class ConversationLocks:
    """The lock of the conversation in `folder` that this process holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: tuple[int, BaseFileLock] | None = None

    def acquire(self, conversation_id: int) -> None:
        """Lock this conversation and release the one before.

        Raises ConversationInUse; then the one before stays locked.
        """
        if not self._holds(conversation_id):
            lock = self._lock(conversation_id)
            self.release()
            self._held = conversation_id, lock

    def release(self) -> None:
        if self._held is not None:
            _, lock = self._held
            self._held = None
            lock.release()

    @contextmanager
    def borrow(self, conversation_id: int) -> Iterator[None]:
        """Lock this conversation for a block, beside the one held. Raises ConversationInUse."""
        if self._holds(conversation_id):
            yield
        else:
            with self._lock(conversation_id):
                yield

    def _holds(self, conversation_id: int) -> bool:
        return self._held is not None and self._held[0] == conversation_id

    def _lock(self, conversation_id: int) -> BaseFileLock:
        with store_errors(str(self._folder)):
            lock = lock_in(self._folder, str(conversation_id))
            try:
                lock.acquire(blocking=False)
            except Timeout:
                raise ConversationInUse from None
            return lock


class NoLocks:
    """Stands in for the locks of conversations in memory, which no other process has."""

    def acquire(self, conversation_id: int) -> None:
        pass

    def release(self) -> None:
        pass

    def borrow(self, _conversation_id: int) -> AbstractContextManager[None]:
        return nullcontext()
