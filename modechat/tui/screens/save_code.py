"""Saves a code block to a file. An existing file is replaced only when Enter is pressed twice."""

from __future__ import annotations

import errno
import os
import stat
from os.path import lexists
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from modechat.daemon_thread import run_in_daemon_thread
from modechat.domain.text import sanitize_line
from modechat.private_files import write_whole
from modechat.tui.newest_work import run_newest
from modechat.tui.screens.dialog import Dialog
from modechat.user_paths import NoHomeFolder, user_path

_SUFFIXES = {
    "python": ".py",
    "py": ".py",
    "javascript": ".js",
    "js": ".js",
    "typescript": ".ts",
    "ts": ".ts",
    "c": ".c",
    "c++": ".cpp",
    "cpp": ".cpp",
    "rust": ".rs",
    "go": ".go",
    "java": ".java",
    "bash": ".sh",
    "sh": ".sh",
    "shell": ".sh",
    "json": ".json",
    "yaml": ".yaml",
    "yml": ".yaml",
    "toml": ".toml",
    "html": ".html",
    "css": ".css",
    "sql": ".sql",
    "markdown": ".md",
    "md": ".md",
    "ruby": ".rb",
    "php": ".php",
    "lua": ".lua",
    "diff": ".diff",
    "xml": ".xml",
    "csv": ".csv",
    "latex": ".tex",
    "r": ".r",
    "kotlin": ".kt",
    "swift": ".swift",
}


class SaveCodeScreen(Dialog[str]):
    """Returns the name of the written file, or None."""

    HEADING: ClassVar[str] = "Save the code"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Enter", "Save the file; press again to replace an existing one"),
    )

    def __init__(self, source: str, language: str, folder: Path) -> None:
        """Ask for a name, which is relative to `folder`."""
        super().__init__()
        self._source = source
        self._folder = folder
        self._replaces = ""
        self._file = Input(
            value=f"snippet{suffix_of(language)}", compact=True, id="file", classes="filter"
        )

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._file
            yield self.said

    def on_mount(self) -> None:
        self._file.focus()
        self.say(f"In {self._folder}")
        self.show_hints("Enter saves", "Esc closes")

    @on(Input.Changed)
    def _changed(self) -> None:
        self._replaces = ""

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if name := message.value.strip():
            run_newest(self, self._write, name)

    async def _write(self, name: str) -> None:
        try:
            path = self._folder / user_path(name)
            if self._replaces != name and await run_in_daemon_thread(lexists, path):
                self._replaces = name
                self.say(f"{name} is there already. Enter replaces it.", is_trouble=True)
                return
            await run_in_daemon_thread(_save, path, f"{self._source}\n")
        except (OSError, NoHomeFolder, ValueError) as error:
            self.say(f"It could not be written: {_reason(error)}.", is_trouble=True)
        else:
            self.dismiss(sanitize_line(str(path)))


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)


def _save(path: Path, text: str) -> None:
    """Write the file. An existing file keeps its mode; a link is replaced, never followed.

    Raise OSError.
    """
    mode = None
    if lexists(path):
        found = path.lstat().st_mode
        if stat.S_ISDIR(found):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if stat.S_ISREG(found):
            mode = stat.S_IMODE(found)
        elif not stat.S_ISLNK(found):
            raise OSError(errno.EINVAL, "It is not a file")
    write_whole(path, text, mode)


def suffix_of(language: str) -> str:
    """Return the suffix of files in this language, such as `.py`; `.txt` for an unknown one."""
    return _SUFFIXES.get(language.strip().split(" ")[0].casefold(), ".txt")
