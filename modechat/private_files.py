"""Folders and files that only the user can read.

What another program left readable for others is closed again: a folder is 0700 and a file 0600 after the call.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def private_folder(path: Path) -> Path:
    """`path`, made if it was absent. Parents are made too, with the user's own defaults."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def private_file(path: Path) -> Path:
    """`path`, made empty if it was absent."""
    # O_EXCL, so that a file in use is never opened: closing it would drop the locks that SQLite holds on it
    # in this process (https://sqlite.org/howtocorrupt.html, 2.2).
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    path.chmod(0o600)
    return path
