"""The files that messages mention: what is in a folder, and their text read into a message.

Blocks while the disk is asked: for threads. Only regular files are ever opened.
"""

from __future__ import annotations

import os
import stat
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
"""Bytes of a file that can be attached."""
_MOST_ENTRIES = 5_000
_MOST_LOOKED_INTO = 400
_LOOKED_AT = 1024


@dataclass(frozen=True, slots=True)
class FileEntry:
    """Something in a folder."""

    name: str
    is_folder: bool = False
    size: int = 0
    """Bytes."""
    is_binary: bool = False


def path_of(written: str, folder: Path) -> Path | None:
    """The path that was written as `written` in `folder`; None if there can be none."""
    if "\x00" in written:
        return None
    try:
        return folder / user_path(written)
    except NoHomeFolder:
        return None


def list_folder(folder: Path) -> tuple[FileEntry, ...]:
    """What is in a folder, by name, hidden things as well; nothing if it cannot be read."""
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
    """The message with the texts of the files that it mentions; or why one of them cannot be
    attached.
    """
    files: dict[Mention, str] = {}
    escaped: list[Mention] = []
    for meant in files_meant(typed, lambda written: _file_in(folder, written) is not None):
        if meant.is_escaped:
            escaped.append(meant)
            continue
        path = _file_in(folder, meant.path)
        text = (
            read_attached(path, meant.path)
            if path is not None
            else Incomplete(f"{meant.path} is gone.")
        )
        if isinstance(text, Incomplete):
            return text
        files[meant] = text
    return attached(typed, files, escaped) if files or escaped else typed


def mentioned_files(typed: Typed, folder: Path) -> dict[str, int]:
    """The files that the message would attach, as they are written there, with their bytes."""
    found: dict[str, int] = {}
    for meant in files_meant(typed, lambda written: _file_in(folder, written) is not None):
        path = _file_in(folder, meant.path)
        if path is not None and not meant.is_escaped:
            found[meant.path] = _size(path)
    return found


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
    """The regular file that is written so; None if there is none."""
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
    """The text of a file that the user wrote as `written`; or why it cannot be attached."""
    name = sanitize_line(written)
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        return Incomplete(f"{name} cannot be read: {error.strerror or error}.")
    if len(data) > LARGEST:
        size, most = shown_bytes(_size(path)), shown_bytes(LARGEST)
        return Incomplete(f"{name} has {size}; at most {most} can be attached.")
    try:
        return decode_text(data)
    except NotText as problem:
        return Incomplete(f"{name} cannot be attached: it {problem.reason}. {problem.hint}".strip())
