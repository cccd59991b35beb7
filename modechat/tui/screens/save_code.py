"""Saving a code block: where to. A file that is there is replaced only when Enter is pressed twice."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from modechat.domain.text import sanitize, sanitize_line
from modechat.private_files import write_whole
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
    """Returns the name of the file that was written, or None."""

    HEADING: ClassVar[str] = "Save the code"
    KEYS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("Enter", "Write the file; once more to replace one that is there"),
    )

    def __init__(self, source: str, language: str, folder: Path) -> None:
        """Names begin at `folder`."""
        super().__init__()
        self._source = source
        self._folder = folder
        self._replaces = ""
        self._file = Input(
            value=f"snippet{suffix_of(language)}", compact=True, id="file", classes="filter"
        )
        self._said = Static(classes="said")

    def compose(self) -> ComposeResult:
        with self.frame:
            yield self._file
            yield self._said

    def on_mount(self) -> None:
        self._file.focus()
        self._say(f"In {self._folder}", is_trouble=False)
        self.show_hints("Enter saves", "Esc closes")

    @on(Input.Changed)
    def _changed(self) -> None:
        self._replaces = ""

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        if name := message.value.strip():
            self.run_worker(self._write(name), exclusive=True)

    async def _write(self, name: str) -> None:
        try:
            path = self._folder / user_path(name)
            if self._replaces != name and await asyncio.to_thread(os.path.lexists, path):
                self._replaces = name
                self._say(f"{name} is there already. Enter replaces it.", is_trouble=True)
                return
            await asyncio.to_thread(_save, path, f"{self._source}\n")
        except (OSError, NoHomeFolder, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            self._say(f"It could not be written: {reason}.", is_trouble=True)
        else:
            self.dismiss(sanitize_line(str(path)))

    def _say(self, text: str, *, is_trouble: bool) -> None:
        self._said.update(Content(sanitize(text)))
        self._said.set_class(is_trouble, "-trouble")


def _save(path: Path, text: str) -> None:
    """A file that is there keeps its mode; a link in its place is replaced, never followed. Raises OSError."""
    mode = None
    if os.path.lexists(path):
        found = path.lstat().st_mode
        if stat.S_ISDIR(found):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found) and not stat.S_ISLNK(found):
            raise OSError(errno.EINVAL, "It is not a file")
        mode = stat.S_IMODE(found) if stat.S_ISREG(found) else None
    write_whole(path, text, mode)


def suffix_of(language: str) -> str:
    """What files in this language are called: `.py`; `.txt` if that is not known."""
    return _SUFFIXES.get(language.strip().split(" ")[0].casefold(), ".txt")
