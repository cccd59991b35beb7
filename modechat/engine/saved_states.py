"""Keeps evaluated conversations on disk, within a limit of size.

Each is a pair of files: `NAME.state`, llama.cpp's own dump of a sequence, and `NAME.json`, which
describes it. The second file is written last and names size and checksum of the first. A pair that
does not fit together counts as absent.

A deleted conversation leaves an empty file, `SLUG.gone`. It keeps an engine that still has the
conversation in memory, or is just writing it, from bringing it back.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from modechat.private_files import private_file, private_folder, write_private

_CHUNK = 1 << 20
_SPARE = 1 << 30
"""Bytes of the disk that stay free."""
_SECONDS_GONE = 30 * 86_400
"""No engine has a conversation in memory that was deleted that long ago."""


class SavedState(BaseModel):
    """The description of a state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    """The name of the conversation."""
    identity: str
    """The model, and every setting that the state depends on."""
    tokens: tuple[int, ...]
    n_bytes: int
    checksum: int
    """CRC-32 of the state's file."""


def _never() -> bool:
    return False


class SavedStates:
    """The states in `folder`, which take at most `n_bytes`. The folder is made when it is needed.

    One state is kept for each label and identity. Methods raise OSError if the disk refuses.
    """

    def __init__(self, folder: Path, n_bytes: int) -> None:
        self._folder = folder
        self._n_bytes = n_bytes

    def begin(self, label: str, identity: str, n_bytes: int) -> Path | None:
        """Make room for a new state of this size; return the private file to write it to.

        Returns None if there is no room, or if the conversation was forgotten. Removes the state
        that the new one replaces.
        """
        if n_bytes > self._n_bytes or self._is_forgotten(label):
            return None
        private_folder(self._folder)
        self._remove(_name(label, identity))
        self._shrink_to(self._n_bytes - n_bytes)
        if shutil.disk_usage(self._folder).free < n_bytes + _SPARE:
            return None
        return private_file(self._folder / f"{_name(label, identity)}.state")

    def complete(self, label: str, identity: str, tokens: tuple[int, ...]) -> None:
        """Note that the state that was begun is written.

        If the conversation was forgotten meanwhile, the state is removed.
        """
        name = _name(label, identity)
        path = self._folder / f"{name}.state"
        checksum = _checksum(path)
        assert checksum is not None  # nobody aborts it
        state = SavedState(
            label=label,
            identity=identity,
            tokens=tokens,
            n_bytes=path.stat().st_size,
            checksum=checksum,
        )
        write_private(self._folder / f"{name}.json", state.model_dump_json())
        if self._is_forgotten(label):
            self._remove(name)

    def abandon(self, label: str, identity: str) -> None:
        """Remove the state that was begun and could not be written."""
        self._remove(_name(label, identity))

    def of(self, identity: str) -> tuple[SavedState, ...]:
        """Return the states of this identity."""
        found = []
        for path in self._folder.glob("*.json"):
            state = _read(path)
            if state is not None and state.identity == identity:
                found.append(state)
        return tuple(found)

    def path(self, state: SavedState, is_aborted: Callable[[], bool] = _never) -> Path | None:
        """Return the file of a state, which counts as used now; None if it is damaged or gone.

        Reads the whole file, and removes a damaged state. Calls `is_aborted` all the time; returns
        None once that is True.
        """
        name = _name(state.label, state.identity)
        path = self._folder / f"{name}.state"
        try:
            if path.stat().st_size == state.n_bytes:
                checksum = _checksum(path, is_aborted)
                if checksum is None:
                    return None
                if checksum == state.checksum:
                    os.utime(path)
                    return path
        except OSError:
            return None
        self._remove(name)
        return None

    def forget(self, label: str) -> None:
        """Remove all states of a conversation for good: no state of it is saved again."""
        private_folder(self._folder)
        # The mark comes first: a state that is being written looks for it when it is complete.
        private_file(self._mark(label))
        # A killed engine may leave unfinished files, so those of any chat go, too. An engine that
        # is writing one just now replaces it later.
        for path in (
            *self._folder.glob(f"{_slug(label)}-*"),
            *self._folder.glob(".modechat-*.part"),
        ):
            path.unlink(missing_ok=True)
        self._forget_old_marks()

    def _mark(self, label: str) -> Path:
        """Return the file that marks a conversation as forgotten."""
        return self._folder / f"{_slug(label)}.gone"

    def _is_forgotten(self, label: str) -> bool:
        return self._mark(label).exists()

    def _forget_old_marks(self) -> None:
        for path in self._folder.glob("*.gone"):
            with contextlib.suppress(FileNotFoundError):  # another program removed it
                if path.stat().st_mtime < time.time() - _SECONDS_GONE:
                    path.unlink()

    def _remove(self, name: str) -> None:
        for ending in ("json", "state"):  # first the file that makes it valid
            (self._folder / f"{name}.{ending}").unlink(missing_ok=True)

    def _shrink_to(self, n_bytes: int) -> None:
        """Remove the least recently used states until the rest takes at most `n_bytes`."""
        files = []
        for path in self._folder.glob("*.state"):
            with contextlib.suppress(OSError):  # another program removed it
                files.append((path.stat().st_mtime, path.stat().st_size, path.stem))
        taken = sum(size for _, size, _ in files)
        for _, size, name in sorted(files):
            if taken <= n_bytes:
                break
            self._remove(name)
            taken -= size


def _name(label: str, identity: str) -> str:
    return f"{_slug(label)}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"


def _slug(label: str) -> str:
    """Return a file name for a label; each label has its own."""
    return hashlib.sha256(label.encode()).hexdigest()[:16]


def _read(path: Path) -> SavedState | None:
    try:
        return SavedState.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None


def _checksum(path: Path, is_aborted: Callable[[], bool] = _never) -> int | None:
    """Return the CRC-32 of a file; None if aborted."""
    checksum = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            checksum = zlib.crc32(chunk, checksum)
            if is_aborted():
                return None
    return checksum
