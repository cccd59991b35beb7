"""Changes options in the user's config file. Comments, order and everything else in it stay."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from modechat.config import Config, load_config
from modechat.errors import ConfigError
from modechat.private_files import behind_link, private_folder, write_whole
from modechat.typed_toml import read_text, read_toml

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


def write_options(path: Path, options: Mapping[str, object]) -> Config:
    """Set options of the config file by their names (`sampling.temperature`), take out those that are None; the config
    that follows. A file that is absent is made.

    Raises ConfigError, with the file as it was, if it is broken, would not be valid, or cannot be written.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        text = ""
    read_toml(path, text, Config)  # what is wrong already is told as such
    changed = _changed(path, text, options)
    read_toml(path, changed, Config)
    if changed != text:
        _write(path, changed)
    return load_config(path)


def _changed(path: Path, text: str, options: Mapping[str, object]) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        for name, value in options.items():
            _set(document, name.split("."), value)
        return tomlkit.dumps(document)
    except (TOMLKitError, TypeError, ValueError) as error:
        raise ConfigError(
            f"{path} cannot be changed: {error}", "Change it with an editor."
        ) from error


def _set(document: TOMLDocument, parts: list[str], value: object) -> None:
    import tomlkit

    *sections, name = parts
    table: object = document
    for section in sections:
        assert hasattr(table, "get")
        if table.get(section) is None:
            if value is None:
                return
            table[section] = tomlkit.table()  # type: ignore[index]
        table = table[section]  # type: ignore[index]
    assert hasattr(table, "pop")
    if value is None:
        table.pop(name, None)
        return
    # Several lines stay several lines for whoever edits the file.
    # (TOML takes the end of a line in them for its own: a text with CR LF would come back with LF.)
    is_long = isinstance(value, str) and "\n" in value and "\r" not in value
    is_long = is_long and "'''" not in str(value) and not str(value).startswith("\n")
    table[name] = tomlkit.string(value, multiline=True) if is_long else value  # type: ignore[index,arg-type]


def _write(path: Path, text: str) -> None:
    """In one step, so that it is never there by half; through a link that the user made, to the file behind it."""
    target = behind_link(path)
    try:
        if not target.parent.is_dir():
            private_folder(target.parent)
        write_whole(target, text, _mode_of(target))
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror or error}",
            "Make it writable, or change it for now only.",
        ) from error


def _mode_of(file: Path) -> int:
    """The mode that the file keeps, or gets. Raises OSError for what is not to be written."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return 0o600
    if stat.S_ISLNK(mode):  # what is left of links in a circle
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    return stat.S_IMODE(mode)
