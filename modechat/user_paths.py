"""Paths as users write them on the command line, in the config file, in commands and mentions: one way to read them."""

from __future__ import annotations

import contextlib
from pathlib import Path


class NoHomeFolder(Exception):
    """The path begins with the home folder of nobody. The message says so."""


def user_path(written: str) -> Path:
    """The path with the home folder in the place of `~`, which a shell leaves alone in `--model=~/m.gguf`.

    Raises NoHomeFolder.
    """
    try:
        return Path(written).expanduser()
    except RuntimeError:
        raise NoHomeFolder(f"there is no home folder for {written}") from None


def working_folder() -> Path:
    """The folder that the program works in; the home folder, or the root, where that was deleted."""
    for folder in (Path.cwd, Path.home):
        with contextlib.suppress(OSError, RuntimeError):
            return folder()
    return Path("/")
