"""Changes options in the user's config file and keeps comments, order and all other text."""

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
    """Set options in the config file by name (`sampling.top_k`), and return the new config.

    Options that are None are removed. An absent file is created.

    Raises ConfigError and leaves the file unchanged if the file is broken, the result would be
    invalid, or the file cannot be written.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        text = ""
    read_toml(path, text, Config)  # reports errors that were there before
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
    if isinstance(value, str) and _is_written_in_lines(value):
        value = tomlkit.string(value, multiline=True)
    table[name] = value  # type: ignore[index]


def _is_written_in_lines(text: str) -> bool:
    """Return True if the file can hold `text` as a string of several lines.

    TOML normalises line ends in such a string: a text with CR LF would come back with LF.
    """
    return "\n" in text and "\r" not in text and "'''" not in text and not text.startswith("\n")


def _write(path: Path, text: str) -> None:
    """Write the file in one step, so that it is never incomplete.

    If the user made the path a link, write the file behind it.
    """
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
    """Return the mode for the file, 0600 if it is new. Raises OSError if it is not writable."""
    try:
        mode = file.lstat().st_mode
    except FileNotFoundError:
        return 0o600
    if stat.S_ISLNK(mode):  # only links in a circle are left here
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not os.access(file, os.W_OK):
        raise PermissionError(errno.EACCES, "it is read-only")
    return stat.S_IMODE(mode)
