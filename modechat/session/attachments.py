"""Lists folders for mentions, and reads the mentioned files into a message.

The functions block while they read the disk, so call them in threads. They open only regular files.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modechat.domain.attachments import Mention, attached, files_meant
from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.decoding import NotText, decode_text, is_binary
from modechat.domain.modes import Incomplete
from modechat.domain.text import sanitize_line
from modechat.domain.typed import Typed
from modechat.user_paths import NoHomeFolder, user_path

LARGEST = 4_000_000
"""The most bytes of a file that can be attached."""
_MOST_ENTRIES = 5_000
_MOST_LOOKED_INTO = 400
_LOOKED_AT = 1024


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or folder inside a folder."""

    name: str
    is_folder: bool = False
    size: int = 0
    """The size in bytes."""
    is_binary: bool = False


def path_of(written: str, folder: Path) -> Path | None:
    """Return the path for the text `written` in `folder`, or None if there can be none."""
    if "\x00" in written:
        return None
    try:
        return folder / user_path(written)
    except NoHomeFolder:
        return None


def list_folder(folder: Path) -> tuple[FileEntry, ...]:
    """Return a folder's entries, hidden ones included: folders first, then by name.

    Empty if the folder cannot be read.
    """
    entries: list[FileEntry] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if len(entries) >= _MOST_ENTRIES:
                    break
                if (known := _entry(entry, look=len(entries) < _MOST_LOOKED_INTO)) is not None:
                    entries.append(known)
    except OSError:
        return ()
    return tuple(sorted(entries, key=lambda entry: (not entry.is_folder, entry.name.casefold())))


def attach(typed: Typed, folder: Path) -> Typed | Incomplete:
    """Return the message with the texts of its files, or the reason why one cannot be attached."""
    files: dict[Mention, str] = {}
    escaped: list[Mention] = []
    for meant, path in _files_meant(typed, folder):
        if meant.is_escaped:
            escaped.append(meant)
            continue
        text = read_attached(path, meant.path)
        if isinstance(text, Incomplete):
            return text
        files[meant] = text
    return attached(typed, files, escaped) if files or escaped else typed


def mentioned_files(typed: Typed, folder: Path) -> dict[str, int]:
    """Return the sizes in bytes of the files to attach, by their paths as written."""
    found: dict[str, int] = {}
    for meant, path in _files_meant(typed, folder):
        if not meant.is_escaped:
            found[meant.path] = _size(path)
    return found


def _files_meant(typed: Typed, folder: Path) -> Iterator[tuple[Mention, Path]]:
    """Yield the mentions of files that exist, and the file of each."""
    found: dict[str, Path] = {}

    def is_file(written: str) -> bool:
        path = _file_in(folder, written)
        if path is not None:
            found[written] = path
        return path is not None

    for meant in files_meant(typed, is_file):
        yield meant, found[meant.path]


def _entry(entry: os.DirEntry[str], *, look: bool) -> FileEntry | None:
    try:
        if entry.is_dir():
            return FileEntry(entry.name, is_folder=True)
        if not entry.is_file():
            return None
        return FileEntry(
            entry.name, size=entry.stat().st_size, is_binary=look and _is_binary(entry.path)
        )
    except OSError:
        return None


def _is_binary(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            start = file.read(_LOOKED_AT)
    except OSError:
        return False
    return is_binary(start)


def _file_in(folder: Path, written: str) -> Path | None:
    """Return the regular file that `written` names, or None if there is none."""
    path = path_of(written, folder)
    try:
        is_file = path is not None and stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return None
    return path if is_file else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def read_attached(path: Path, written: str) -> str | Incomplete:
    """Return the text of the file named `written`, or the reason why it cannot be attached."""
    name = sanitize_line(written)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        return Incomplete(f"{name} cannot be read: {error.strerror or error}.")
    if len(data) > LARGEST:
        most = shown_bytes(LARGEST)
        return Incomplete(f"{name} has {shown_bytes(size)}; at most {most} can be attached.")
    try:
        return decode_text(data)
    except NotText as problem:
        return Incomplete(f"{name} cannot be attached: it {problem.reason}. {problem.hint}".strip())
