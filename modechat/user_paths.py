"""Paths as users write them on the command line, in the config file, in commands and mentions: one way to read them."""

from __future__ import annotations

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
