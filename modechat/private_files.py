"""Makes folders and files that only the user can read, and writes files in one step.

After a call a folder has mode 0700 and a file 0600, even if another program had opened them to
others. Nothing is written through a link: new content goes to a file with an unpredictable name,
which then replaces the old file in one step. Files that the user may keep elsewhere are resolved
first (`behind_link`); a file behind such a link keeps its mode.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO

_NEW = (
    os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)
_APPEND = (
    os.O_CREAT
    | os.O_APPEND
    | os.O_WRONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)
_PRIVATE = 0o600


def private_folder(path: Path) -> Path:
    """Create the folder if it is absent, and return it. Parents get the user's default mode."""
    path.mkdir(parents=True, exist_ok=True)
    _close_to_others(path, 0o700)
    return path


def private_file(path: Path) -> Path:
    """Create an empty file if there is none, or only a link, and return it."""
    # O_EXCL never opens a file in use. Closing such a file would drop the locks that SQLite holds
    # on it in this process (https://sqlite.org/howtocorrupt.html, 2.2).
    if path.is_symlink():
        path.unlink()
    with suppress(FileExistsError):
        os.close(os.open(path, _NEW, _PRIVATE))
    _close_to_others(path, _PRIVATE)
    return path


def behind_link(path: Path) -> Path:
    """Return the file behind `path` if `path` is a link, else `path`."""
    if not path.is_symlink():
        return path
    return Path(os.path.realpath(path))


def write_private(path: Path, text: str) -> None:
    """Write all of `text` or nothing. A link at `path` is replaced. Raises OSError."""
    write_whole(path, text, _PRIVATE)


def write_whole(path: Path, text: str, mode: int | None) -> None:
    """Write all of `text` or nothing, to a file with this mode.

    `mode` None: the mode that the user's new files get. A link at `path` is replaced. Raises
    OSError.
    """
    part = path.with_name(f".modechat-{os.urandom(8).hex()}.part")
    handle = os.open(part, _NEW, 0o666 if mode is None else _PRIVATE)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            part.chmod(mode)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def append_private(path: Path, longest: int) -> IO[str]:
    """Open a file to append text. Raises OSError.

    The file begins anew if it has more than `longest` bytes, or is no regular file.
    """
    try:
        handle = os.open(path, _APPEND, _PRIVATE)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):  # a link or a pipe
            raise
        handle = None
    if handle is not None and not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        handle = None
    if handle is None:
        path.unlink()
        handle = os.open(path, _NEW | os.O_APPEND, _PRIVATE)
    file = os.fdopen(handle, "a", encoding="utf-8")
    try:
        _close_to_others(path, _PRIVATE)
        if os.fstat(handle).st_size > longest:
            file.truncate(0)
    except BaseException:
        file.close()
        raise
    return file


def _close_to_others(path: Path, mode: int) -> None:
    """Set the mode, unless `path` is a link: the file behind it belongs to the user."""
    now = path.lstat().st_mode
    if not stat.S_ISLNK(now) and stat.S_IMODE(now) != mode:
        path.chmod(mode)
