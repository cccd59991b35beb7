"""Reads paths as users write them: on the command line, in the config, in commands and mentions."""

from __future__ import annotations

import contextlib
from pathlib import Path


class NoHomeFolder(Exception):
    """The path begins with a home folder that does not exist. The message says so."""


def user_path(written: str) -> Path:
    """Replace `~` by the home folder: a shell leaves it alone in `--model=~/m.gguf`.

    Raises NoHomeFolder.
    """
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise NoHomeFolder(f"there is no home folder for {written}") from None


def working_folder() -> Path:
    """Return the working folder; if that was deleted, the home folder, else the root."""
    for folder in (Path.cwd, Path.home):
        with contextlib.suppress(OSError, RuntimeError):
            return folder()
    return Path("/")
